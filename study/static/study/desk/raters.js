// The table of raters: links are copied, and it asks for itself again while nobody is at work in it.

const COPIED = 2000; // ms

function prepare() {
  const picks = document.querySelector("[data-picks]");
  if (picks) picks.hidden = false;
  if (!navigator.clipboard) return; // missing on plain http: links are there as text
  for (const button of document.querySelectorAll("[data-copies], [data-copies-text]")) {
    button.hidden = false;
  }
}

function pickAll() {
  const boxes = [...document.querySelectorAll("#roster [name=numbers]")];
  const all = boxes.every((box) => box.checked);
  for (const box of boxes) box.checked = !all;
}

async function copy(button) {
  const { copies, copiesText } = button.dataset;
  const said = button.firstChild;
  const before = said.data;
  await navigator.clipboard.writeText(copies ?? document.getElementById(copiesText).value);
  if (before === "Copied") return;
  said.data = "Copied";
  setTimeout(() => (said.data = before), COPIED);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copies], [data-copies-text]");
  if (button) copy(button);
  if (event.target.closest("[data-picks]")) pickAll();
});

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("input[readonly], textarea[readonly]")) target.select();
});

// What somebody has opened, ticked or is copying from is not taken from under their hands; nobody
// looks at a page in a hidden tab. The next time comes soon.
const AT_WORK =
  "details[open], input:checked, :is(input:not([type=checkbox]), textarea):focus";

function atWork() {
  return document.hidden || document.querySelector("#roster")?.querySelector(AT_WORK) !== null;
}

let across = 0; // the table stays scrolled as it was

document.addEventListener("htmx:beforeRequest", (event) => {
  if (atWork()) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  if (atWork()) event.detail.shouldSwap = false;
  across = document.querySelector("#rows")?.scrollLeft ?? 0;
});

document.addEventListener("htmx:afterSwap", () => {
  const rows = document.querySelector("#rows");
  if (rows) rows.scrollLeft = across;
  prepare();
});

prepare();
