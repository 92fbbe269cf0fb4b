// Files of a form, sent in pieces while it is filled in. What breaks off goes on where it was, also
// after the page was loaded again: the server knows of each file how much is there.

const PIECE = 192 * 1024; // bytes; a request of this site has at most 256 kB,
const LARGE_PIECE = 4 << 20; // but for those at a signed address, where large files go
const AT_ONCE = 3; // files
const WAITS = [0.5, 1, 2, 4, 8, 15, 30]; // seconds before a piece is tried again
const RENEWED = 3600e3; // milliseconds after which a signature is renewed; it holds for three hours
const RATE = 5000; // milliseconds over which the rate is taken

const kilo = (bytes) =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
const span = (seconds) =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
const some = (number) => (number === 1 ? "1 file" : `${number} files`);
const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
// What systems put beside people's files.
const aside = (place) =>
  place.split("/").some((part) => part.startsWith(".") || part === "__MACOSX" || part === "Thumbs.db" || part === "desktop.ini");

/** A refusal: a sentence for people, and whether trying again is of use. */
class Refused extends Error {
  constructor(text, { again = false, stop = false, status = 0, there = null } = {}) {
    super(text);
    Object.assign(this, { again, stop, status, there });
  }
}

async function ask(address, { method = "POST", token, body, signal } = {}) {
  let answer;
  try {
    answer = await fetch(address, { method, body, signal, headers: token ? { "X-CSRFToken": token } : {} });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    // A file that was changed or taken away meanwhile looks as if there were no connection.
    await body?.slice(0, 1).arrayBuffer().catch(() => {
      throw new Refused("A file was changed since it was chosen, and was left out.");
    });
    throw new Refused("The server cannot be reached.", { again: true });
  }
  const said = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : {};
  if (answer.ok && !answer.redirected) return said;
  const { status } = answer;
  if (answer.redirected || status === 403) throw new Refused("You are signed out, or may not do this: reload the page.", { stop: true, status });
  const text = said.error ?? `The server answered ${status}.`;
  throw new Refused(text, { again: status >= 500 && status !== 507, stop: status === 404 || status === 413 || status === 507, status, there: said.there });
}

/** The files of what was dropped, with the folders that they lie in. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, place: file.name }));
  const found = [];
  const look = async (entry, before) => {
    const place = before + entry.name;
    if (entry.isFile) {
      found.push({ file: await new Promise((done, fail) => entry.file(done, fail)), place });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((done, fail) => reader.readEntries(done, fail));
      if (!some.length) return;
      for (const each of some) await look(each, `${place}/`);
    }
  };
  for (const entry of entries) await look(entry, "");
  return found;
}

class Place {
  constructor(home, form) {
    this.home = home;
    this.form = form;
    this.token = form.elements.csrfmiddlewaretoken.value;
    this.uploads = home.dataset.uploads;
    this.field = home.querySelector(`input[type="hidden"]`);
    this.kept = `upload ${form.action.split("/").pop()} ${home.dataset.place}`;
    this.part = (name) => home.querySelector(`[data-${name}]`);
    this.bar = home.querySelector("progress");
    this.clear();
    // What is chosen is sent by this script and not with the form.
    for (const input of home.querySelectorAll('input[type="file"]')) {
      input.removeAttribute("name");
      input.addEventListener("change", () => this.choose(input));
    }
    home.classList.add("scripted");
    this.part("hint").hidden = false;
    for (const kind of ["dragover", "dragleave", "drop"]) {
      home.addEventListener(kind, (event) => {
        event.preventDefault();
        home.classList.toggle("over", kind === "dragover");
      });
    }
    home.addEventListener("drop", async (event) => this.take(await dropped(event.dataTransfer)));
    this.part("cancel").addEventListener("click", () => this.cancel());
    this.part("go-on").addEventListener("click", () => this.send());
    // Whoever was quicker than this script has chosen already.
    for (const input of home.querySelectorAll('input[type="file"]')) {
      if (input.files.length) this.choose(input);
    }
    this.remember();
  }

  /** Take what a field of the browser's holds. */
  choose(input) {
    this.take([...input.files].map((file) => ({ file, place: file.webkitRelativePath || file.name })));
    input.value = "";
  }

  clear() {
    this.files = [];
    this.turn = null;
    this.busy = this.broken = false;
    this.abort = new AbortController();
    this.sent = [];
    this.id = "";
  }

  /** What was there when the page was loaded, if anything. */
  async remember() {
    const id = this.field.value || sessionStorage.getItem(this.kept) || this.home.dataset.left;
    if (!id) return;
    try {
      const { files } = await ask(`${this.uploads}${id}/`, { method: "GET" });
      if (this.files.length || !files.length) return;
      const whole = files.filter(([, size, , there]) => size === there).length;
      this.id = id;
      this.resumed = true;
      this.left = id === this.home.dataset.left;
      this.part("there").textContent =
        whole === files.length
          ? `${some(whole)} from last time ${whole === 1 ? "is" : "are"} here.`
          : `${whole} of ${some(files.length)} from last time are here whole: choose the same once more, and what is missing is sent.`;
      this.field.value = id;
      this.part("sending").hidden = false;
      this.bar.hidden = true;
    } catch {
      sessionStorage.removeItem(this.kept);
      this.field.value = "";
    }
  }

  async take(chosen) {
    const meant = chosen.filter(({ place }) => !aside(place));
    if (!meant.length) return;
    this.problems([]);
    if (this.home.hasAttribute("data-one") && (meant.length > 1 || this.files.length || this.id)) {
      if (meant.length > 1) return this.problems(["One file is needed here, and no more."]);
      await this.cancel();
    }
    const names = new Set(this.files.map(({ place }) => place));
    const twice = [];
    for (const { file, place } of meant) {
      if (names.has(place)) twice.push(`${place} is there already, and was left out.`);
      else this.files.push({ file, place, there: 0, state: "waiting" });
      names.add(place);
    }
    this.problems(twice);
    await this.send();
  }

  async send() {
    if (this.busy) return;
    this.busy = true;
    this.broken = false;
    this.part("sending").hidden = this.bar.hidden = false;
    this.part("go-on").hidden = true;
    this.show();
    const { signal } = this.abort;
    const turn = (this.turn = Symbol("turn"));
    try {
      await this.known(signal);
      await Promise.all(Array.from({ length: AT_ONCE }, () => this.worker(signal)));
      this.done();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.broken = true;
      this.abort.abort();
      this.abort = new AbortController();
      for (const file of this.files) if (file.state === "sending") file.state = "waiting";
      this.part("progress").textContent = `Broken off. ${error.message}`;
      this.part("said").textContent = `Broken off. ${error.message}`;
      this.part("go-on").hidden = false;
    } finally {
      if (this.turn === turn) this.busy = false; // else it was cancelled, and begun anew
      this.form.dispatchEvent(new Event("files"));
    }
  }

  /** An upload to send to, and how much of each file is there. */
  async known(signal) {
    if (this.id) {
      try {
        const { files, signature } = await ask(`${this.uploads}${this.id}/`, { method: "GET", signal });
        Object.assign(this, { signature, signed: Date.now() });
        const there = new Map(files.map(([place, size, mark, bytes]) => [`${place}\n${size}\n${mark}`, bytes]));
        // Who chooses anew means these files: what from last time is not among them is not wanted.
        const meant = new Set(this.files.map((each) => this.key(each)));
        if (this.resumed && [...there.keys()].some((key) => !meant.has(key))) {
          // Of another day or window it may still be wanted there; nobody's, it goes by itself.
          if (!this.left) await ask(`${this.uploads}${this.id}/forget`, { token: this.token, signal });
          this.id = "";
        } else {
          for (const each of this.files) each.there = there.get(this.key(each)) ?? 0;
        }
      } catch (error) {
        if (error.status !== 404) throw error;
        this.id = "";
      }
    }
    this.resumed = false;
    this.part("there").textContent = "";
    if (!this.id) {
      for (const each of this.files) Object.assign(each, { there: 0, state: "waiting" });
      const begun = await this.patiently(() => ask(`${this.uploads}?of=${encodeURIComponent(this.home.dataset.of)}`, { token: this.token, signal }));
      Object.assign(this, begun, { signed: Date.now() });
    }
    this.field.value = this.id;
    sessionStorage.setItem(this.kept, this.id);
  }

  /** A new signature for large pieces, before the old one is worth nothing any more. */
  async renew(signal) {
    if (Date.now() - this.signed < RENEWED) return;
    const { signature } = await this.patiently(() => ask(`${this.uploads}${this.id}/`, { method: "GET", signal }));
    Object.assign(this, { signature, signed: Date.now() });
  }

  mark({ file }) {
    return `${file.lastModified}`;
  }

  key(each) {
    return `${each.place.normalize("NFC")}\n${each.file.size}\n${this.mark(each)}`;
  }

  async worker(signal) {
    for (;;) {
      const next = this.files.find(({ state }) => state === "waiting");
      if (!next) return;
      next.state = "sending";
      try {
        await this.whole(next, signal);
        next.state = "whole";
      } catch (error) {
        if (error.name === "AbortError" || error.stop || error.again) throw error;
        next.state = "refused";
        this.problems([...this.told, error.message]);
      }
      this.show();
    }
  }

  async whole(each, signal) {
    const { file, place } = each;
    if (file.size && each.there === file.size) return;
    do {
      const question = new URLSearchParams({ name: place, size: file.size, mark: this.mark(each), offset: each.there });
      const large = file.size > LARGE_PIECE;
      if (large) await this.renew(signal);
      const address = large ? `${this.home.dataset.bring}${this.signature}/piece/${this.id}` : `${this.uploads}${this.id}/`;
      const body = file.slice(each.there, each.there + (large ? LARGE_PIECE : PIECE));
      try {
        const { there } = await this.patiently(() => ask(`${address}?${question}`, { token: this.token, body, signal }));
        this.sent.push([performance.now(), there - each.there]);
        each.there = there;
      } catch (error) {
        if (error.status !== 409 || error.there === null || error.there === each.there) throw error;
        each.there = error.there;
      }
      this.show();
    } while (each.there < file.size);
  }

  /** Again, after a while, what failed for want of a connection. */
  async patiently(attempt) {
    for (const wait of [...WAITS, null]) {
      try {
        return await attempt();
      } catch (error) {
        if (!error.again || wait === null) throw error;
        this.stalled();
        await pause(wait);
        this.abort.signal.throwIfAborted();
      }
    }
    return null;
  }

  show() {
    const now = performance.now();
    if (this.shown && now - this.shown < 200 && this.busy) return;
    this.shown = now;
    const meant = this.files.filter(({ state }) => state !== "refused");
    const total = meant.reduce((sum, { file }) => sum + file.size, 0);
    const there = meant.reduce((sum, each) => sum + each.there, 0);
    this.sent = this.sent.filter(([at]) => now - at < RATE);
    this.bar.value = total ? there / total : 0;
    const whole = meant.filter(({ state }) => state === "whole").length;
    const begun = this.sent.length ? Math.max(now - this.sent[0][0], 500) : 0;
    const rate = begun ? (1000 * this.sent.reduce((sum, [, bytes]) => sum + bytes, 0)) / begun : 0;
    const left = rate && there < total ? `, ${kilo(rate)}/s, ${span((total - there) / rate)} left` : "";
    this.part("progress").textContent = `${whole} of ${some(meant.length)}, ${kilo(there)} of ${kilo(total)}${left}`;
  }

  /** What is there so far, and that nobody needs to do anything yet. */
  stalled() {
    this.shown = 0;
    this.show();
    this.part("progress").textContent += ". The site does not answer just now; this goes on by itself.";
  }

  done() {
    this.shown = 0;
    this.show();
    const whole = this.files.filter(({ state }) => state === "whole");
    const size = whole.reduce((sum, { file }) => sum + file.size, 0);
    this.part("progress").textContent = `${some(whole.length)}, ${kilo(size)}: all here.`;
    this.part("said").textContent = `${some(whole.length)} are here.`;
  }

  async cancel() {
    this.abort.abort();
    const { id } = this;
    this.clear();
    this.field.value = "";
    sessionStorage.removeItem(this.kept);
    this.part("sending").hidden = true;
    this.part("there").textContent = this.part("progress").textContent = "";
    this.problems([]);
    if (id) await ask(`${this.uploads}${id}/forget`, { token: this.token }).catch(() => {});
    this.form.dispatchEvent(new Event("files"));
  }

  problems(texts) {
    this.told = texts;
    const list = this.part("problems");
    list.hidden = !texts.length;
    list.replaceChildren(...texts.slice(0, 20).map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  }
}

const form = document.querySelector("form.bring");
const places = [...form.querySelectorAll("[data-place]")].map((home) => new Place(home, form));
const waiting = form.querySelector("[data-waiting]");
let wanted = false;

form.addEventListener("submit", (event) => {
  const busy = places.some((place) => place.busy);
  const broken = places.some((place) => place.broken);
  if (!busy && !broken) {
    // What is taken in by a job is not gone on with on the next form of its kind.
    for (const place of places) sessionStorage.removeItem(place.kept);
    return;
  }
  event.preventDefault();
  wanted = busy;
  waiting.textContent = busy ? "It is sent as soon as the files are here." : "Files are missing: go on, or cancel.";
});
form.addEventListener("files", () => {
  if (!places.some((place) => place.busy)) {
    waiting.textContent = "";
    if (wanted && !places.some((place) => place.broken)) form.requestSubmit();
    wanted = false;
  }
});
