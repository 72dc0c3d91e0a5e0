// Tables that are sorted by their headings and filtered by a word, and a search over the whole page. Without this script
// the tables are plain, and what is folded is opened by hand.
"use strict";

const LONG = 13; // rows from which a table has a filter
const FOUND = 12; // places that a search lists
const EXCERPT = 160; // letters of each
const AROUND = 100; // of these before the word that was looked for
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

const row = (place) => [...place.cells].map(text).filter((words) => words && words !== "\u2013").join(" | ");

// The search lists rows, sentences and headings that have all words, each with the section it is in.
function searchable() {
  const box = document.createElement("input");
  box.type = "search";
  box.placeholder = "a number, a model, an id";
  const list = document.createElement("ul");
  list.className = "hits";
  list.setAttribute("aria-label", "Found");
  const count = document.createElement("output");
  const places = [...document.querySelectorAll("main h3, main tbody tr, main tfoot tr, main p, main li, main dd, main img")];
  const texts = places.map((place) => (place.alt || (place.cells ? row(place) : text(place))).replace(/\s+/g, " "));
  // Experiments come first, and of each section only the first place: of an experiment that is its verdict.
  const ranks = places.map((place) => (place.closest("details:has(> summary > .badge)") ? 0 : 1));
  const sections = places.map((place) => place.closest("section[id]"));
  const plain = texts.map((words) => words.toLowerCase());
  const update = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = words.length ? [...places.keys()].filter((at) => words.every((word) => plain[at].includes(word))) : [];
    const one = hits.filter((at, place) => place === hits.findIndex((other) => sections[other] === sections[at]));
    one.sort((at, other) => ranks[at] - ranks[other] || texts[at].length - texts[other].length);
    list.replaceChildren(...one.slice(0, FOUND).map((at) => hit(places[at], texts[at], words)));
    if (one.length > FOUND) list.append(more(one.length - FOUND));
    count.value = words.length ? `${one.length} found` : "";
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

function more(count) {
  const item = document.createElement("li");
  item.textContent = `and in ${count} more sections: add a word`;
  return item;
}

// The words around the first one that was looked for.
function excerpt(words, sought) {
  const first = sought.length ? Math.min(...sought.map((word) => words.toLowerCase().indexOf(word))) : 0;
  const start = words.length > EXCERPT ? Math.max(0, first - AROUND) : 0;
  const end = start + EXCERPT;
  return `${start ? "\u2026" : ""}${words.slice(start, end)}${end < words.length ? "\u2026" : ""}`;
}

function hit(place, words, sought) {
  const section = place.closest("section[id]");
  const title = section.querySelector("h2, h3");
  // The heading of what is folded is its summary; what is under it says more, and can be scrolled to.
  const folded = place === title && place.closest(".apart") ? section : null;
  const target = folded || place;
  const says = folded ? text(section.querySelector("li, p, figcaption") || place) : words;
  const link = document.createElement("a");
  target.id ||= `hit-${hit.number = (hit.number || 0) + 1}`;
  link.href = `#${target.id}`;
  const name = document.createElement("b");
  // Only experiments have titles of their own.
  const chapter = section.closest(".apart") && folded ? null : section.closest(".chapter");
  name.textContent = [title, chapter && chapter.querySelector("h2")].filter(Boolean).map(text).join(" \u00b7 ") || "Findings";
  link.append(name, " ", excerpt(says, folded ? [] : sought));
  link.addEventListener("click", () => {
    search.box.value = "";
    search.update();
    reveal(target.id);
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
