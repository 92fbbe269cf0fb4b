/**
 * Whoever leaves a part of a draft with something changed and not saved is asked first. What was
 * sent and not taken, because they were signed out meanwhile, comes back into the fields.
 */

const form = document.querySelector("#settings");
const KEPT = "unsaved settings";
let unsaved = form?.hasAttribute("data-unsaved") ?? false;

/** What is in the form, but for the proof that it is ours, which is new on every page. */
function entries() {
  const all = [...new FormData(form).entries()];
  return all.filter(([name]) => name !== "csrfmiddlewaretoken");
}

/** Keep what is typed, in this tab alone, until a page says that it was saved. */
function keep() {
  unsaved = false;
  try {
    const told = { of: form.dataset.of, path: location.pathname, entries: entries() };
    sessionStorage.setItem(KEPT, JSON.stringify(told));
  } catch {
    // A browser that keeps nothing: it is sent all the same.
  }
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

/** Put into the fields what was kept. */
function putBack(told) {
  const values = {};
  for (const [name, value] of told) (values[name] ??= []).push(value);
  for (const field of form.elements) {
    if (!field.name || field.name === "csrfmiddlewaretoken" || field.type === "submit") continue;
    const typed = values[field.name] ?? [];
    if (field.type === "checkbox" || field.type === "radio") {
      field.checked = typed.includes(field.value);
    } else if (typed.length) {
      field.value = typed.shift();
    }
  }
}

function comeBack() {
  const told = kept();
  if (!told || told.of !== form.dataset.of) return;
  const here = told.path === location.pathname;
  const from = document.referrer && new URL(document.referrer).pathname;
  const saved = document.querySelector(".messages .success");
  if (here && !unsaved && !saved) {
    if (JSON.stringify(entries()) !== JSON.stringify(told.entries)) {
      putBack(told.entries);
      unsaved = true;
      document.querySelector("#come-back").hidden = false;
      form.dispatchEvent(new Event("input", { bubbles: true }));
    }
  } else if (!here && from !== told.path) {
    return; // on another way: it waits for its page
  }
  sessionStorage.removeItem(KEPT);
}

form?.addEventListener("input", () => (unsaved = true));
form?.addEventListener("submit", keep);
if (form) comeBack();

// The way to the door that is shown to whoever is signed out meanwhile, see `asking.js`.
document.addEventListener("click", ({ target }) => {
  if (target.closest?.(".unanswered a")) keep();
});

// Whoever comes back to it after hours learns before pressing Save whether they are still signed in.
document.addEventListener("visibilitychange", () => {
  if (unsaved && !document.hidden) form.dispatchEvent(new Event("input", { bubbles: true }));
});

addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
