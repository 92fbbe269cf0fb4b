/** Whoever leaves a part of a draft with something changed and not saved is asked first. */

const form = document.querySelector("#settings");
let unsaved = form?.hasAttribute("data-unsaved") ?? false;

form?.addEventListener("input", () => (unsaved = true));
form?.addEventListener("submit", () => (unsaved = false));

// Whoever comes back to it after hours learns before pressing Save whether they are still signed in.
document.addEventListener("visibilitychange", () => {
  if (unsaved && !document.hidden) form.dispatchEvent(new Event("input", { bubbles: true }));
});

addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
