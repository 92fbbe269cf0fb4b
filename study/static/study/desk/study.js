// A study's page: wait for what is computed.

import { answered, unanswered } from "./asking.js";

// What is being computed is shown, or taken away, as soon as it is there.
const POLL = 2000; // ms
const waiting = document.querySelector("[data-ready]");

async function wait() {
  const { ready, mark: shown } = waiting.dataset;
  const answer = await fetch(ready, { cache: "no-store" }).catch(() => null);
  if (answer?.redirected) return location.reload(); // signed out: to the door
  if (answer?.ok) answered();
  else unanswered();
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
