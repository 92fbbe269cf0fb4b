// A page that asks by itself says so when it gets no answer, and takes it back once it gets one.

const TIME = { hour: "2-digit", minute: "2-digit" };
const GONE = "The site cannot be reached. What is shown here may be older than it looks; the page goes on asking.";
const SIGNED_OUT = "You are signed out, and nothing new is saved or shown.";
const KEPT = " What you have typed is kept in this tab, and not saved yet.";
const REFUSED =
  "The site takes nothing from this page any more. Copy what you have typed, then load the page again to see why.";
let said = null;

/** Say it above everything, once, for as long as it lasts. */
export function unanswered(sentence = GONE) {
  if (said?.dataset.sentence === sentence) return;
  answered();
  said = Object.assign(document.createElement("p"), { className: "problem unanswered", role: "alert" });
  said.dataset.sentence = sentence;
  const since = new Date().toLocaleTimeString("en-GB", TIME);
  said.textContent = sentence === GONE ? `${sentence} Since ${since}.` : sentence;
  if (sentence === SIGNED_OUT) said.append(...wayIn());
  document.querySelector("main").prepend(said);
}

/** The door, which leads back here; in another tab does as well. `unsaved.js` keeps what was typed in a draft. */
function wayIn() {
  const { door } = document.querySelector("script[data-door]").dataset;
  const link = Object.assign(document.createElement("a"), { textContent: "Sign in" });
  link.href = `${door}?next=${encodeURIComponent(location.pathname + location.search)}`;
  return [document.querySelector("#settings") ? KEPT : "", " ", link, " to go on."];
}

export function answered() {
  said?.remove();
  said = null;
}

/** Whoever signed in elsewhere has another token since: the forms of this page get it. */
async function renew() {
  const answer = await fetch(location.pathname, { cache: "no-store" }).catch(() => null);
  if (!answer) return unanswered();
  if (answer.redirected) return unanswered(SIGNED_OUT);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [old, now] = [document, page].map((each) => each.querySelector("main [name=csrfmiddlewaretoken]"));
  if (!answer.ok || !old || !now) return unanswered(REFUSED);
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = now.value;
  return answered();
}

for (const kind of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(kind, () => unanswered());
}
document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
  if (xhr.status === 401) unanswered(SIGNED_OUT);
  else if (xhr.status === 403) renew();
  else if (xhr.status >= 500) unanswered();
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.successful) answered();
});
