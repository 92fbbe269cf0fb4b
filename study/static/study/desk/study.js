// A study's page: copy a rater's link, ask before one is withdrawn, and wait for what is computed.

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

// What is being computed is shown, or taken away, as soon as it is there.
const POLL = 2000; // ms
const waiting = document.querySelector("[data-ready]");

async function wait() {
  const { ready, mark: shown } = waiting.dataset;
  const answer = await fetch(ready, { cache: "no-store" }).catch(() => null);
  const { mark, current, problem } = (await answer?.json().catch(() => null)) ?? {};
  if (problem) {
    waiting.textContent = problem;
  } else if ("file" in waiting.dataset ? current : mark && mark !== shown) {
    arrived();
  } else {
    setTimeout(wait, POLL);
  }
}

function arrived() {
  const link = waiting.querySelector("a");
  if (link) link.hidden = false; // somebody reads the older figures: they say when
  else location.reload();
  if ("file" in waiting.dataset) waiting.textContent = waiting.dataset.there;
}

if (waiting) setTimeout(wait, POLL);
