/** Whoever leaves a part of a draft with something changed and not saved is asked first. */

const form = document.querySelector("#settings");
let unsaved = form?.hasAttribute("data-unsaved") ?? false;

form?.addEventListener("input", () => (unsaved = true));
form?.addEventListener("submit", () => (unsaved = false));

addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
