// The bar of every page: how many jobs are not over, and a word when one of one's own has ended.
// A page that lists jobs shows them itself.

const FIRST = 2000; // ms; doubled as long as nothing changes
const LAST = 30000;
const KEY = "jobs told until";

const count = document.getElementById("jobs-due");
let pause = FIRST;
let timer = 0;

function kept() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function keep(now) {
  try {
    if (now) sessionStorage.setItem(KEY, now);
    else sessionStorage.removeItem(KEY);
  } catch {
    // then a job that ends between two pages is told on the start page alone
  }
}

async function ask(since) {
  const options = { cache: "no-store", headers: { "HX-Request": "true" }, redirect: "error" };
  const answer = await fetch(`${count.dataset.from}?since=${since}`, options).catch(() => null);
  const told = answer?.ok ? await answer.json().catch(() => null) : null;
  if (told) show(told);
  else later(since); // a server that is being started again; whoever was signed out learns it by a click
}

function show({ due, now, ended }) {
  if (String(due) !== count.textContent.split(" ")[0]) pause = FIRST;
  count.querySelector("[data-count]").textContent = due;
  count.hidden = !due;
  for (const job of ended.reverse()) tell(job);
  keep(due ? now : null);
  if (due) later(now);
}

function later(since) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (document.hidden) later(since);
    else ask(since);
  }, pause);
  pause = Math.min(pause * 1.5, LAST);
}

function tell({ id, state, wish, page }) {
  if (document.getElementById(`job-${id}`) || document.getElementById(`over-${id}`)) return;
  const box = document.getElementById("ended") ?? places();
  const line = document.createElement("p");
  const link = document.createElement("a");
  const close = document.createElement("button");
  link.href = page;
  link.textContent = wish;
  close.type = "button";
  close.className = "link";
  close.textContent = "Close";
  close.setAttribute("aria-label", `Close: ${wish}`);
  close.addEventListener("click", () => line.remove());
  line.append(`${state}: `, link, " ", close);
  box.append(line);
}

function places() {
  const box = document.createElement("div");
  box.id = "ended";
  box.setAttribute("role", "status");
  document.body.append(box);
  return box;
}

// A page that follows a job itself knows first when it is over: the number beside it is not to lag behind.
function follows() {
  return Boolean(document.querySelector("[id^=job-][hx-get]"));
}

if (count) {
  const since = kept() ?? count.dataset.now;
  let followed = follows();
  document.addEventListener("htmx:afterSettle", () => {
    if (followed && !follows()) ask(kept() ?? since);
    followed = follows();
  });
  if (!count.hidden) {
    keep(since);
    later(since);
  } else if (kept()) {
    ask(since); // what ended on the way to this page
  }
}
