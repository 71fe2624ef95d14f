// The gallery of a comparison: order, filter, keys, theme. Without scripts the page shows all pictures in their order.
"use strict";
const scores = JSON.parse(document.getElementById("gallery-scores").textContent);
const cards = [...document.querySelectorAll(".exhibit")];
const form = document.getElementById("gallery-form");
const order = form.elements.order;
const words = form.elements.words;
const count = document.getElementById("gallery-count");
const grid = document.querySelector(".gallery");
let at = -1; // place of the chosen picture among the visible ones

// The largest loss of a row against the first row, in the score of column c.
function fall(card, c) {
  const [first, ...others] = scores.pictures[card.dataset.id][c];
  return others.length ? Math.max(...others.map((value) => scores.better[c] * (first - value))) : 0;
}

function rank(card) {
  if (order.value === "split") return 0;
  if (order.value === "disagreement") return Number(card.dataset.disagreement);
  return fall(card, Number(order.value));
}

// The value of each row beside its caption, for an order by a score.
function tell(card) {
  const values = scores.pictures[card.dataset.id][Number(order.value)];
  card.querySelectorAll(".value").forEach((place, row) => {
    place.textContent = values ? String(Number(values[row].toFixed(3))) : "";
  });
}

function wanted(card) {
  const text = card.textContent.toLowerCase();
  const all = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const differs = !form.elements.different.checked || Number(card.dataset.disagreement) > 0;
  const repeats = !form.elements.repeated.checked || card.querySelector("dd:not([hidden]) mark") !== null;
  return differs && repeats && all.every((word) => text.includes(word));
}

function visible() {
  return [...grid.children].filter((card) => !card.hidden);
}

function show() {
  for (const box of form.querySelectorAll("[data-row]")) {
    const row = Number(box.dataset.row);
    for (const card of cards) {
      card.querySelectorAll(`[data-of="${row}"]`).forEach((part) => { part.hidden = !box.checked; });
    }
  }
  const ranked = cards.map((card, place) => ({ card, place, key: rank(card) }));
  ranked.sort((one, two) => two.key - one.key || one.place - two.place);
  grid.append(...ranked.map(({ card }) => card));
  for (const card of cards) {
    card.hidden = !wanted(card);
    tell(card);
  }
  choose(-1);
  count.textContent = `${visible().length} of ${cards.length} pictures`;
}

function choose(place) {
  document.querySelectorAll(".chosen").forEach((card) => card.classList.remove("chosen"));
  const shown = visible();
  at = Math.min(place, shown.length - 1);
  if (at < 0) return;
  shown[at].classList.add("chosen");
  shown[at].scrollIntoView({ block: "center" });
}

const themes = ["", "light", "dark"];
const button = document.getElementById("theme");
function theme(name) {
  document.documentElement.dataset.theme = name;
  button.textContent = `theme: ${name || "as the system"}`;
  try { localStorage.setItem("theme", name); } catch { /* a page from a file may have no storage */ }
}
function kept() {
  try { return localStorage.getItem("theme") || ""; } catch { return ""; }
}
function next(values, now) { return values[(values.indexOf(now) + 1) % values.length]; }

const keys = {
  j: () => choose(at + 1),
  k: () => choose(Math.max(at - 1, 0)),
  s: () => { order.selectedIndex = (order.selectedIndex + 1) % order.length; show(); },
  d: () => { form.elements.different.click(); },
  r: () => { form.elements.repeated.click(); },
  t: () => theme(next(themes, document.documentElement.dataset.theme)),
  "/": () => { words.focus(); words.select(); },
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") { words.value = ""; document.activeElement.blur(); show(); return; }
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName) && document.activeElement.type !== "checkbox") return;
  if (Object.hasOwn(keys, event.key)) { event.preventDefault(); keys[event.key](); }
});
form.addEventListener("input", show);
form.addEventListener("submit", (event) => event.preventDefault());
button.addEventListener("click", keys.t);
theme(kept());
form.hidden = button.hidden = false;
show();
