// A study's page: copy a rater's link, and ask before one is withdrawn.

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = button.parentElement.querySelector("input");
  const label = button.firstChild;
  field.addEventListener("focus", () => field.select());
  button.hidden = !navigator.clipboard; // missing on plain http: the field is selected by a click
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    label.data = "Copied";
    setTimeout(() => (label.data = "Copy"), 2000);
  });
}

for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.confirm)) event.preventDefault();
  });
}
