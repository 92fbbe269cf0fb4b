// The outbox: no answer lost and none doubled.
//
// A vote is written to this browser's storage before it is sent and forgotten only when the server
// has given a definite answer for it. So reloading, closing the tab, losing the network or the
// answer, and opening a second tab need no code of their own: what is stored is sent again, in
// order, with the id it was born with, and the server stores it once.

// A preview keeps nothing: its votes are nobody's, and those of a rater who uses this browser as well
// are none of its own. Its page alone has the bar that says so.
const nowhere = Object.create({
  getItem(name) { return this[name] ?? null; },
  setItem(name, value) { this[name] = value; },
  removeItem(name) { delete this[name]; },
}); // prettier-ignore
export const keptIn = (storage) => (document.getElementById("preview") ? nowhere : storage);
const storage = keptIn(localStorage);

export const FIRST_PAUSE = 500; // ms before an unanswered request is repeated; doubled each time to
export const LONGEST_PAUSE = 15_000;
const PATIENCE = 20_000; // ms to wait for an answer that does not come

const VOTE = "vote:"; // one entry for each trial that was voted on ...
const UNDO = "undo:"; // ... one if that vote was taken back ...
const REVISION = "revision:"; // ... and one if it was given anew then
const KINDS = [VOTE, UNDO, REVISION]; // in the order in which those of one trial are sent
const foreign = new Set(); // entries that are not this rater's: left by another one at this computer

const kind = ({ vote }) => (vote.undo ? UNDO : vote.again || "after_ms" in vote ? REVISION : VOTE);
const key = (entry) => kind(entry) + entry.vote.trial;

export const isVote = (entry) => kind(entry) === VOTE;
export const isUndo = (entry) => kind(entry) === UNDO;

export const isKept = (token) => storage.getItem(VOTE + token) !== null;
export const keep = (entry) => storage.setItem(key(entry), JSON.stringify(entry));
export const forget = (entry) => storage.removeItem(key(entry));
export const disown = (entry) => foreign.add(key(entry));

// What waits to be sent, the oldest first, an undo and a revision right behind their vote.
export function outbox() {
  return Object.keys(storage)
    .filter((name) => KINDS.some((kind) => name.startsWith(kind)) && !foreign.has(name))
    .map((name) => JSON.parse(storage.getItem(name)))
    .filter(Boolean) // another tab may have forgotten one meanwhile
    .sort((a, b) => a.position - b.position || KINDS.indexOf(kind(a)) - KINDS.indexOf(kind(b)));
}

// The server's definite answer, however long the network takes to bring one. `heard` is told after
// every attempt whether there was one.
export async function ask(url, csrf, heard, vote) {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const answer = await attempt(url, csrf, vote);
    heard(Boolean(answer));
    if (answer) return answer;
    await pauseOrOnline(pause);
  }
}

async function attempt(url, csrf, vote) {
  const post = {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
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

export function pauseOrOnline(milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    }
    addEventListener("online", done);
  });
}

// crypto.randomUUID exists on https alone; a study in a laboratory's network may be on plain http.
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40; // version 4
  bytes[8] = (bytes[8] & 0x3f) | 0x80; // RFC 9562's variant
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
