// The rating page: one image at a time, five answers, no answer lost and none doubled.
//
// The server decides which trial is due. Everything it says carries {position, total, trials}, the
// trials being the next few; the page shows the first of them that it holds no vote for. A vote is
// written to this browser's storage before it is sent and forgotten only when the server has given
// a definite answer for it. So reloading, closing the tab, losing the network or the answer, and
// opening a second tab need no code of their own: what is stored is sent again, in order, with the
// id it was born with, and the server stores it once.

const SHORTEST_VIEW = 300; // ms; published logs hold double presses 76 and 109 ms apart
const FIRST_PAUSE = 500; // ms before an unanswered request is repeated; doubled each time up to
const LONGEST_PAUSE = 15_000;
const PATIENCE = 20_000; // ms to wait for an answer that does not come

const element = (id) => document.getElementById(id);
const page = element("rating");
const stage = element("stage");

let state = JSON.parse(element("state").textContent); // what the server said last
let queue = []; // trials to show, the first one now
let current = null; // the trial that is shown or on its way
let paintedAt = 0; // performance.now() when its image was on the screen
let view = null; // a new object whenever an image comes into sight, null while none is there
let struggling = false; // whether the latest request found no answer
let sending = false;
let stopped = false;

// ---- The outbox: one entry for each trial that was voted on, the oldest first ----

const PREFIX = "vote:";
const cast = new Set(); // trials voted on in this page
const foreign = new Set(); // entries that are not this rater's: left by another one at this computer

const isKept = (token) => localStorage.getItem(PREFIX + token) !== null;
const keep = (entry) => localStorage.setItem(PREFIX + entry.vote.trial, JSON.stringify(entry));
const forget = (entry) => localStorage.removeItem(PREFIX + entry.vote.trial);

function outbox() {
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(PREFIX) && !foreign.has(key.slice(PREFIX.length)))
    .map((key) => JSON.parse(localStorage.getItem(key)))
    .filter(Boolean) // another tab may have forgotten one meanwhile
    .sort((a, b) => a.position - b.position);
}

async function send() {
  if (sending) return;
  sending = true;
  for (let entry; !stopped && (entry = outbox()[0]); ) {
    settle(entry, await ask(page.dataset.voteUrl, entry.vote));
    report();
  }
  sending = false;
}

function settle(entry, { status, body }) {
  if (body.trials) {
    // Stored, now or earlier (200), or not due (409): the server knows better either way.
    forget(entry);
    follow(body);
  } else if (status === 404) {
    // Not a trial of this rater. It may be due to someone else who rates in this browser.
    foreign.add(entry.vote.trial);
    if (cast.has(entry.vote.trial)) stop(body.error ?? "Your last answer has no place here.");
  } else {
    if (status === 400 && body.error) forget(entry); // it would be refused for ever
    stop(body.error);
  }
}

// ---- Talking to the server ----

// The server's definite answer, however long the network takes to bring one.
async function ask(url, vote) {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const answer = await attempt(url, vote);
    struggling = !answer;
    report();
    if (answer) return answer;
    await pauseOrOnline(pause);
  }
}

async function attempt(url, vote) {
  const post = {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": page.dataset.csrf },
    body: JSON.stringify(vote),
    keepalive: true, // finish it even if the tab is closed now
  };
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const response = await fetch(url, { ...(vote && post), signal, cache: "no-store" });
    const { ok, status } = response;
    if (status >= 500 || status === 429 || status === 408) return null;
    const body = await response.json().catch(() => ({}));
    // A success that is not ours comes from something in between, such as a hotel's sign-in page.
    return ok && !body.trials ? null : { status, body };
  } catch {
    return null;
  }
}

function pauseOrOnline(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    addEventListener("online", resolve, { once: true });
  });
}

async function refresh() {
  const { body } = await ask(page.dataset.nextUrl);
  if (!body.trials) stop(body.error);
  else if (body.position >= state.position) follow(body); // not overtaken by a vote's answer
}

function follow(answer) {
  if (stopped) return;
  state = answer;
  queue = answer.trials.filter((trial) => !isKept(trial.token));
  const wanted = new Set(queue.map((trial) => trial.token));
  for (const token of images.keys()) if (!wanted.has(token)) images.delete(token);
  queue.forEach(imageOf);
  if (!current || current.token !== queue[0]?.token) show();
}

// ---- Images: fetched and decoded ahead, then put on the page as they are ----

const images = new Map(); // token -> promise of a decoded <img>

function imageOf(trial) {
  if (!images.has(trial.token)) images.set(trial.token, load(trial));
  return images.get(trial.token);
}

async function load(trial) {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const image = new Image();
    image.alt = `Image ${trial.position + 1}`;
    image.src = trial.image;
    try {
      await image.decode();
      return image;
    } catch {
      await pauseOrOnline(pause);
      if (stopped || !images.has(trial.token)) return null; // no longer wanted
      await refresh(); // waits for the network, and tells if this rater may not go on
    }
  }
}

async function show() {
  close();
  const trial = (current = queue[0] ?? null);
  stage.replaceChildren();
  report();
  if (trial) {
    announce(trial.position);
    const image = await imageOf(trial);
    if (trial !== current || stopped || !image) return;
    stage.replaceChildren(image); // nothing was painted since it was emptied if this was at hand
    report();
    fit();
  } else if (state.position >= state.total && !outbox().length) {
    location.replace(page.dataset.doneUrl);
  }
}

// One image pixel is one pixel of the screen, whatever the zoom. Where there is no room, wait.
function fit() {
  const image = stage.firstElementChild;
  if (!image || stopped) return;
  const [width, height] = [image.naturalWidth, image.naturalHeight].map((n) => n / devicePixelRatio);
  image.style.width = `${width}px`;
  image.style.height = `${height}px`;
  const fits = width <= stage.clientWidth && height <= stage.clientHeight;
  image.hidden = !fits;
  element("small").hidden = fits;
  if (!fits) close();
  else if (!view) open();
}

// ---- Voting: possible once the image has been on the screen for a moment ----

async function open() {
  const mine = (view = {});
  await frame();
  await frame(); // when the second one begins, the first one has been painted with the image
  if (mine !== view) return;
  paintedAt = performance.now();
  setTimeout(() => {
    if (mine === view) page.dataset.open = current.position + 1;
  }, SHORTEST_VIEW);
}

function close() {
  view = null;
  delete page.dataset.open;
}

const frame = () => new Promise(requestAnimationFrame);

function vote(score, pressedAt) {
  if (!page.dataset.open || pressedAt - paintedAt < SHORTEST_VIEW) return;
  const { width, height } = stage.firstElementChild.getBoundingClientRect();
  const ballot = {
    trial: current.token,
    score,
    id: uuid(),
    response_ms: Math.round(pressedAt - paintedAt),
    device_pixel_ratio: devicePixelRatio,
    viewport: [innerWidth, innerHeight],
    shown: [width, height],
  };
  try {
    keep({ position: current.position, vote: ballot });
  } catch {
    return stop("This browser has no room to keep your answer until it arrives; it does not count.");
  }
  cast.add(current.token);
  queue.shift();
  show();
  send();
}

// crypto.randomUUID exists on https alone; a study in a laboratory's network may be on plain http.
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40; // version 4
  bytes[8] = (bytes[8] & 0x3f) | 0x80; // RFC 9562's variant
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// The score that a key stands for. Where digits need Shift (French keyboards), both ways count.
function scoreOf({ key, code, shiftKey, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return null;
  if (/^[1-5]$/.test(key)) return Number(key);
  const digit = /^(?:Digit|Numpad)([1-5])$/.exec(code);
  return digit && !shiftKey ? Number(digit[1]) : null;
}

function press(event) {
  const score = scoreOf(event);
  // A held key votes once: neither by its repeats nor by those of Enter on a focused button.
  if (event.repeat) {
    if (score || event.key === "Enter" || event.key === " ") event.preventDefault();
  } else if (score) {
    event.preventDefault();
    vote(score, event.timeStamp);
  }
}

// ---- What the page says ----

function announce(position) {
  say("position", `Image ${position + 1} of ${state.total}`);
  element("progress").max = state.total;
  element("progress").value = position;
}

function report() {
  const waiting = outbox().length;
  page.dataset.waiting = waiting;
  const what = waiting > 1 ? `${waiting} answers` : waiting ? "1 answer" : "The next image";
  say("network", struggling && !stopped ? `${what} waiting for the network` : "");
  element("waiting").hidden = stopped || stage.hasChildNodes();
  if (!stage.hasChildNodes()) element("small").hidden = true;
}

// Only what changed is written: a live region is read aloud again whenever it is touched.
function say(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

function stop(sentence = "Something went wrong between this page and the server.") {
  stopped = true;
  close();
  stage.replaceChildren();
  report();
  element("scale").hidden = true;
  element("stopped").hidden = false;
  element("stopped").firstElementChild.textContent = sentence;
}

// ---- Begin ----

function watchPixelRatio() {
  const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
  query.addEventListener("change", () => (fit(), watchPixelRatio()), { once: true });
}

function begin() {
  addEventListener("keydown", press);
  addEventListener("resize", fit);
  watchPixelRatio();
  for (const button of document.querySelectorAll("[data-score]")) {
    button.addEventListener("click", (event) => vote(Number(button.dataset.score), event.timeStamp));
  }
  follow(state);
  send();
}

element("reload").addEventListener("click", () => location.reload());
addEventListener("pageshow", (event) => event.persisted && location.reload());
begin();
