// Tables that are sorted by their headings and filtered by a word; without this script they are plain tables.
"use strict";

const LONG = 8; // rows from which a table has a filter
const CHOICES = new Set(["Document", "Verdict"]); // columns of few values, offered as a list

const text = (cell) => cell.textContent.trim();
const value = (cell) => (cell.dataset.value === undefined ? null : Number(cell.dataset.value));

// Numbers by value, words in their language's order; what is missing comes last both ways.
function compare(one, other, up) {
  const [a, b] = [value(one), value(other)];
  if (a !== null || b !== null) {
    if (a === null || b === null) return a === null ? 1 : -1;
    return up ? a - b : b - a;
  }
  const words = text(one).localeCompare(text(other), undefined, { numeric: true });
  return up ? words : -words;
}

function sort(table, heading, place) {
  const up = heading.getAttribute("aria-sort") !== "ascending";
  table.querySelectorAll("thead [aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort((one, other) => compare(one.cells[place], other.cells[place], up)));
}

function sortable(table) {
  [...table.tHead.rows].at(-1).querySelectorAll("th").forEach((heading, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(table, heading, place));
    heading.append(button);
  });
}

function labelled(words, control) {
  const label = document.createElement("label");
  label.append(words, control);
  return label;
}

function choice(table, place, update) {
  const list = document.createElement("select");
  const words = [...table.tBodies[0].rows].map((row) => text(row.cells[place]));
  list.append(new Option("all", ""), ...[...new Set(words)].map((word) => new Option(word)));
  list.addEventListener("change", update);
  return list;
}

function filterable(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < LONG) return;
  const search = document.createElement("input");
  search.type = "search";
  const shown = document.createElement("output");
  const lists = new Map();
  const update = () => {
    const word = search.value.trim().toLowerCase();
    rows.forEach((row) => {
      const chosen = [...lists].every(([place, list]) => !list.value || text(row.cells[place]) === list.value);
      row.hidden = !(chosen && row.textContent.toLowerCase().includes(word));
    });
    const left = rows.filter((row) => !row.hidden).length;
    shown.value = left < rows.length ? `${left} of ${rows.length} rows` : `${rows.length} rows`;
  };
  search.addEventListener("input", update);
  const controls = document.createElement("div");
  controls.className = "controls";
  controls.append(labelled("Filter", search));
  [...[...table.tHead.rows].at(-1).cells].forEach((heading, place) => {
    if (!CHOICES.has(text(heading))) return;
    lists.set(place, choice(table, place, update));
    controls.append(labelled(text(heading), lists.get(place)));
  });
  controls.append(shown);
  table.parentElement.before(controls);
  update();
}

document.querySelectorAll("figure.table table").forEach((table) => {
  filterable(table);
  sortable(table);
});

// What is folded is printed too.
const folded = () => document.querySelectorAll("details:not([open])");
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...folded()];
  opened.forEach((details) => (details.open = true));
});
addEventListener("afterprint", () => opened.forEach((details) => (details.open = false)));
