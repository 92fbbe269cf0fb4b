// The rating page: one image at a time, five answers, the next image there as soon as a key is hit.
//
// The server decides which trial is due. Everything it says carries {position, trials}, the trials
// being the next few; the page shows the first of them that it holds no vote for. When it names
// none, another page is due. Votes go out in the background through the outbox.

import { FIRST_PAUSE, LONGEST_PAUSE } from "./outbox.js";
import { ask, disown, forget, isKept, isUndo, isVote, keep } from "./outbox.js";
import { keptIn, outbox, pauseOrOnline, uuid } from "./outbox.js";

const element = (id) => document.getElementById(id);
const told = (id) => JSON.parse(element(id).textContent);
const page = element("rating");
const stage = element("stage");
const buttons = [...document.querySelectorAll("[data-score]")];
const rules = told("rules"); // of this study and session; the same as long as the page is there
const texts = told("texts");

let state = told("state"); // what the server said last
let queue = []; // trials to show, the first one now
let current = null; // the trial that is shown or on its way
let seen = 0; // ms for which its image was on the screen, up to the latest interruption
let paintedAt = 0; // performance.now() when it came on the screen, 0 while it is not there
let view = null; // a new object whenever an image comes into sight, null while none is there
let latest = null; // {trial, image, at}: the vote that can be taken back
let again = null; // the trial whose vote was taken back, until it is answered anew
let late = false; // whether that came too late, and the rater is still to be told
let paused = false;
let struggling = false; // whether the latest request found no answer
let sending = false;
let stopped = false;
const cast = new Set(); // trials voted on in this page

// ---- Talking to the server ----

const request = (url, vote) => ask(url, page.dataset.csrf, heard, vote);

function heard(something) {
  struggling = !something;
  report();
}

async function send() {
  if (sending) return;
  sending = true;
  for (let entries; !stopped && (entries = outbox()).length; ) {
    const [entry] = entries;
    // Told that more wait, the server does not end the session before they have come.
    const vote = { ...entry.vote, waiting: entries.slice(1).filter(isVote).length };
    settle(entry, await request(page.dataset.voteUrl, vote));
    report();
  }
  sending = false;
}

function settle(entry, { status, body }) {
  if (body.trials) {
    // Stored, now or earlier (200), or not due (409): the server knows better either way.
    forget(entry);
    if (status === 409) refused(entry, body.trials[0]?.token);
    follow(body);
    if (late && current) announce(current);
  } else if (status === 404) {
    // Not a trial of this rater. It may be due to someone else who rates in this browser.
    disown(entry);
    if (cast.has(entry.vote.trial)) stop(body.error ?? texts.lost);
  } else {
    if (status === 400 && body.error) forget(entry); // it would be refused for ever
    stop(body.error);
  }
}

// What hangs on a vote or an undo that was refused has nothing to hang on any more.
function refused(refusal, due) {
  const { trial } = refusal.vote;
  for (const entry of outbox()) if (entry.vote.trial === trial && !isVote(entry)) forget(entry);
  if (again?.token === trial) again = null;
  if (trial === due) {
    // To be voted on all the same. The server may not know that its image was sent, as when it was
    // restored to an hour ago, and this browser would take it from its cache for ever.
    anew.add(trial);
    images.delete(trial);
    if (current?.token === trial) current = null;
  } else if (!isVote(refusal)) {
    late = true; // the first answer counts
  }
}

async function refresh() {
  const { body } = await request(page.dataset.nextUrl);
  if (!body.trials) stop(body.error);
  else if (body.position >= state.position) follow(body); // not overtaken by a vote's answer
}

function follow(answer) {
  if (stopped) return;
  state = answer;
  queue = answer.trials.filter((trial) => !isKept(trial.token));
  if (again) queue.unshift(again);
  const wanted = new Set(queue.map((trial) => trial.token));
  for (const token of images.keys()) if (!wanted.has(token)) images.delete(token);
  queue.forEach(imageOf);
  if (!current || current.token !== queue[0]?.token) show();
}

// ---- Images: fetched and decoded ahead, then put on the page as they are ----

const images = new Map(); // token -> {image: decoded <img> or null, loaded: promise of it, faults}
const anew = new Set(); // tokens of images to be fetched from the server, whatever is in the cache
const MANY_FAULTS = 3; // from which on it is said that there is one

function imageOf(trial) {
  if (!images.has(trial.token)) {
    const entry = { image: null, faults: 0 };
    images.set(trial.token, entry);
    entry.loaded = load(trial).then((image) => (entry.image = image));
  }
  return images.get(trial.token);
}

async function load(trial) {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    if (anew.delete(trial.token)) await fetch(trial.image, { cache: "reload" }).catch(() => null);
    const image = new Image();
    image.alt = numbered(trial, rules.calibration ? texts.example : texts.image);
    image.src = trial.image;
    try {
      await image.decode();
      return sized(image);
    } catch {
      await pauseOrOnline(pause);
      if (stopped || !images.has(trial.token)) return null; // no longer wanted
      await refresh(); // waits for the network, and tells if this rater may not go on
      if (images.has(trial.token)) images.get(trial.token).faults += 1; // the server answers all else
      report();
    }
  }
}

// One image pixel is one pixel of the screen, whatever the zoom.
function sized(image) {
  image.style.width = `${image.naturalWidth / devicePixelRatio}px`;
  image.style.height = `${image.naturalHeight / devicePixelRatio}px`;
  return image;
}

// Between a key and the frame with the next image lies nothing but the vote's way into storage and
// the swap itself: what the page says and sends comes after that frame.
function show() {
  close();
  seen = 0;
  const trial = (current = queue[0] ?? null);
  const entry = trial && imageOf(trial);
  if (entry?.image) {
    stage.replaceChildren(entry.image);
    fit();
    return afterwards(() => (report(), trial === current && announce(trial)));
  }
  stage.replaceChildren();
  report();
  if (trial) {
    announce(trial);
    entry.loaded.then((image) => {
      if (trial !== current || stopped || !image) return;
      stage.replaceChildren(image);
      report();
      fit();
    });
  } else if (!state.trials.length && !outbox().length) {
    finish();
  }
}

// Where there is no room for the image, it waits.
let room = { width: 0, height: 0 }; // of the stage; kept, since to ask for it costs a layout

function fit() {
  const image = stage.firstElementChild;
  if (!image || stopped) return;
  const [width, height] = [image.naturalWidth, image.naturalHeight].map((n) => n / devicePixelRatio);
  const pinched = (globalThis.visualViewport?.scale ?? 1) > 1.01; // would resample the whole page
  const small = width > room.width || height > room.height;
  element("small").hidden = !small || paused;
  element("pinched").hidden = !pinched || small || paused;
  image.hidden = small || pinched || paused;
  if (image.hidden || document.hidden) close();
  else if (!view) open();
}

function measure() {
  room = { width: stage.clientWidth, height: stage.clientHeight };
  if (stage.firstElementChild) sized(stage.firstElementChild);
  for (const { image } of images.values()) if (image) sized(image);
  fit();
}

// ---- Voting: possible once the image has been on the screen for a moment ----

function open() {
  const mine = (view = {});
  afterwards(async () => {
    await frame(); // when it begins, the one before has been painted with the image
    if (mine !== view) return;
    paintedAt = performance.now();
    setTimeout(() => {
      if (mine === view) page.dataset.open = numberOf(current);
    }, rules.shortest_view_ms - seen);
    mine.hint = setTimeout(() => say("question", texts.hint), rules.hint_ms - seen);
  });
}

function close() {
  clearTimeout(view?.hint);
  if (paintedAt) seen += performance.now() - paintedAt;
  paintedAt = 0;
  view = null;
  delete page.dataset.open;
}

const frame = () => new Promise(requestAnimationFrame);

// Work for when the next frame has been painted, or at once where none will be.
const later = [];

function afterwards(work) {
  if (later.push(work) > 1) return; // the frame is on its way
  if (document.hidden) return catchUp();
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = catchUp;
    port2.postMessage(null); // heard behind the frame that is being made
  });
}

function catchUp() {
  for (const work of later.splice(0)) work();
}

function vote(score, pressedAt) {
  const viewed = Math.round(seen + pressedAt - paintedAt);
  if (!page.dataset.open || viewed < rules.shortest_view_ms) return;
  if (current.means && score !== current.means) return; // an example stands for one category
  const image = stage.firstElementChild;
  const { width, height } = image.getBoundingClientRect();
  const ballot = {
    trial: current.token,
    score,
    id: uuid(),
    response_ms: viewed,
    device_pixel_ratio: devicePixelRatio,
    viewport: [innerWidth, innerHeight],
    shown: [width, height],
    zoom: outerWidth ? outerWidth / innerWidth : null,
    ...(again && { again: true }),
  };
  try {
    keep({ position: current.position, vote: ballot });
  } catch {
    return stop(texts.full);
  }
  cast.add(current.token);
  latest = again ? null : { trial: current, image, at: pressedAt };
  again = null;
  late = false;
  queue.shift();
  show();
  afterwards(() => (send(), offerUndo()));
}

// ---- Taking the latest vote back, within seconds and once ----

const canUndo = () => latest && performance.now() - latest.at < rules.undo_ms && !paused && !stopped;

function offerUndo() {
  element("undo").disabled = !canUndo();
  clearTimeout(offerUndo.timer);
  if (latest) offerUndo.timer = setTimeout(offerUndo, rules.undo_ms - (performance.now() - latest.at));
  else if (document.activeElement === element("undo")) element("undo").blur();
}

function undo() {
  if (!canUndo()) return;
  const { trial } = latest;
  try {
    keep({ position: trial.position, vote: { trial: trial.token, undo: true } });
  } catch {
    return stop(texts.full);
  }
  again = trial;
  const image = sized(latest.image);
  images.set(trial.token, { image, loaded: Promise.resolve(image), faults: 0 });
  latest = null;
  element("finished").hidden = true;
  queue.unshift(trial);
  show();
  offerUndo();
  afterwards(send);
}

// ---- Pausing, and leaving the page when another one is due ----

function pause(on) {
  if (stopped || paused === on || !element("finished").hidden) return;
  paused = on;
  element("paused").hidden = !on;
  element("scale").inert = on;
  fit();
  report();
  offerUndo();
  element(on ? "resume" : "pause").focus();
}

// The last vote can be taken back too: the page stays until that is over, or the rater goes on.
function finish() {
  if (!canUndo() && !late) return location.replace(page.dataset.doneUrl);
  element("finished").hidden = false;
  element("progress").value = rules.total;
  say("time", "");
  if (late) say("question", texts.late);
  element("continue").focus();
  report();
  clearTimeout(finish.timer);
  if (late) return; // to be read; the button is there
  finish.timer = setTimeout(() => current || finish(), rules.undo_ms - (performance.now() - latest.at));
}

// ---- Keys ----

// The score that a key stands for. Where digits need Shift (French keyboards), both ways count.
function scoreOf({ key, code, shiftKey }) {
  if (/^[1-5]$/.test(key)) return Number(key);
  const digit = /^(?:Digit|Numpad)([1-5])$/.exec(code);
  return digit && !shiftKey ? Number(digit[1]) : null;
}

function press(event) {
  const { key, ctrlKey, altKey, metaKey, repeat, timeStamp } = event;
  if (ctrlKey || altKey || metaKey) return;
  const score = scoreOf(event);
  // A held key votes once: neither by its repeats nor by those of Enter on a focused button.
  if (repeat) {
    if (score || key === "Enter" || key === " ") event.preventDefault();
    return;
  }
  if (!element("keys").checked) return;
  if (score) vote(score, timeStamp);
  else if (key === "Backspace") undo();
  else if (key.toLowerCase() === "p") pause(!paused);
  else return;
  event.preventDefault();
}

// ---- What the page says ----

const numberOf = (trial) => trial.position - rules.first + 1;
const numbered = (trial, text) => text.replace("{n}", numberOf(trial)).replace("{total}", rules.total);

function announce(trial) {
  const text = again ? texts.again : rules.calibration ? texts.example : texts.image;
  say("position", numbered(trial, text));
  const question = trial.means ? texts[`means_${trial.means}`] : texts.question;
  say("question", late ? `${texts.late} ${question}` : question);
  if (rules.calibration) {
    for (const button of buttons) {
      const other = trial.means && trial.means !== Number(button.dataset.score);
      button.toggleAttribute("disabled", Boolean(other));
    }
  }
  element("progress").max = rules.total;
  element("progress").value = numberOf(trial) - 1;
  if (!rules.calibration) say("time", timeLeft(numberOf(trial) - 1));
}

// The pace so far, once there is one, and never more than the session's time.
function timeLeft(done) {
  if (state.left_ms === undefined) return "";
  const pace = done >= 10 ? state.active_ms / done : 1000 * rules.seconds_per_vote;
  const left = Math.min((rules.total - done) * pace, Math.max(0, state.left_ms));
  const minutes = Math.max(1, Math.round(left / 60_000));
  const text = (rules.last ? "end_in" : "break_in") + (minutes === 1 ? "_one" : "");
  return texts[text].replace("{n}", minutes);
}

function report() {
  const kept = outbox();
  const waiting = kept.filter((entry) => !isUndo(entry)).length;
  page.dataset.waiting = kept.length;
  const what = waiting > 1 ? "waiting_many" : waiting ? "waiting_one" : "waiting_image";
  say("network", struggling && !stopped ? texts[what].replace("{n}", waiting) : "");
  const empty = !stage.hasChildNodes();
  const quiet = stopped || paused || !empty || !element("finished").hidden;
  const faulty = !struggling && current && images.get(current.token)?.faults >= MANY_FAULTS;
  element("waiting").hidden = quiet || faulty;
  element("faulty").hidden = quiet || !faulty;
  if (empty) element("small").hidden = element("pinched").hidden = true;
}

// Only what changed is written: a live region is read aloud again whenever it is touched.
function say(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

function stop(sentence = texts.wrong) {
  pause(false);
  stopped = true;
  close();
  stage.replaceChildren();
  report();
  offerUndo();
  element("pause").disabled = true;
  element("scale").hidden = true;
  element("stopped").hidden = false;
  element("stopped").firstElementChild.textContent = sentence;
}

// ---- Begin ----

function watchPixelRatio() {
  const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
  query.addEventListener("change", () => (measure(), watchPixelRatio()), { once: true });
}

function begin() {
  addEventListener("keydown", press);
  new ResizeObserver(measure).observe(stage);
  document.addEventListener("visibilitychange", () => (catchUp(), fit()));
  globalThis.visualViewport?.addEventListener("resize", fit);
  watchPixelRatio();
  for (const button of buttons) {
    button.addEventListener("click", (event) => vote(Number(button.dataset.score), event.timeStamp));
  }
  // WCAG 2.1.4: keys of one character can be switched off.
  element("keys").checked = keptIn(sessionStorage).getItem("keys") !== "off";
  element("keys").addEventListener("change", ({ target }) =>
    keptIn(sessionStorage).setItem("keys", target.checked ? "on" : "off"),
  );
  element("undo").hidden = !rules.undo_ms;
  element("undo").addEventListener("click", undo);
  element("pause").addEventListener("click", () => pause(true));
  element("resume").addEventListener("click", () => pause(false));
  element("continue").addEventListener("click", () => location.replace(page.dataset.doneUrl));
  measure();
  follow(state);
  send();
}

element("reload").addEventListener("click", () => location.reload());
addEventListener("pageshow", (event) => event.persisted && location.reload());
begin();
