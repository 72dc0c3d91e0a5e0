// Tables that are sorted by their headings and filtered by a word, and a search over the whole page. Without this script
// the tables are plain, and what is folded is opened by hand.
"use strict";

const LONG = 8; // rows from which a table has a filter
const FOUND = 12; // places that a search lists
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

// A table that is wider than its place says so.
function hint(box) {
  const cut = box.scrollWidth > box.clientWidth + 1;
  box.parentElement.classList.toggle("cut", cut);
}
const sizes = new ResizeObserver((entries) => entries.forEach((entry) => hint(entry.target)));
document.querySelectorAll(".scroll").forEach((box) => sizes.observe(box));

// A link to what is folded opens it.
function reveal(id) {
  const place = document.getElementById(id);
  if (!place) return;
  for (let one = place; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  place.scrollIntoView();
}
addEventListener("hashchange", () => reveal(decodeURIComponent(location.hash.slice(1))));
if (location.hash) reveal(decodeURIComponent(location.hash.slice(1)));

// The search lists rows, sentences and headings that have all words, each with the section it is in.
function searchable() {
  const box = document.createElement("input");
  box.type = "search";
  box.placeholder = "a number, a model, an id";
  const list = document.createElement("ul");
  list.className = "hits";
  list.setAttribute("aria-label", "Found");
  const count = document.createElement("output");
  const places = [...document.querySelectorAll("main h3, main tbody tr, main tfoot tr, main p, main li, main dd")];
  const texts = places.map((place) => (place.cells ? [...place.cells].map(text).join(" | ") : text(place)).replace(/\s+/g, " "));
  // Experiments come first, and of each section only the first place: of an experiment that is its verdict.
  const ranks = places.map((place) => (place.closest("details:has(> summary > .badge)") ? 0 : 1));
  const sections = places.map((place) => place.closest("section[id]"));
  const plain = texts.map((words) => words.toLowerCase());
  const update = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = words.length ? [...places.keys()].filter((at) => words.every((word) => plain[at].includes(word))) : [];
    const one = hits.filter((at, place) => place === hits.findIndex((other) => sections[other] === sections[at]));
    one.sort((at, other) => ranks[at] - ranks[other] || texts[at].length - texts[other].length);
    list.replaceChildren(...one.slice(0, FOUND).map((at) => hit(places[at], texts[at])));
    count.value = words.length ? `${hits.length} found` : "";
  };
  box.addEventListener("input", update);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    box.value = "";
    update();
  });
  const form = document.createElement("div");
  form.className = "search";
  form.setAttribute("role", "search");
  form.append(labelled("Search ", box), count, list);
  document.querySelector("header nav").append(form);
  return { box, update };
}

function hit(place, words) {
  const section = place.closest("section[id]");
  const title = section.querySelector("h2, h3");
  const link = document.createElement("a");
  place.id ||= `hit-${hit.number = (hit.number || 0) + 1}`;
  link.href = `#${place.id}`;
  link.textContent = `${title ? `${title.textContent}: ` : ""}${words.slice(0, 160)}`;
  link.addEventListener("click", () => {
    search.box.value = "";
    search.update();
    reveal(place.id);
  });
  const item = document.createElement("li");
  item.append(link);
  return item;
}
const search = searchable();

// Who follows a link of the contents wants to see the place, not the contents.
const contents = document.querySelector(".contents");
contents.addEventListener("click", (event) => {
  if (event.target.tagName === "A") contents.open = false;
});

// What is folded is printed too.
const folded = () => document.querySelectorAll("details:not([open])");
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...folded()];
  opened.forEach((details) => (details.open = true));
});
addEventListener("afterprint", () => opened.forEach((details) => (details.open = false)));
