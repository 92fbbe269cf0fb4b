// The contact sheet: image pixels as whole pixels of the screen, all versions at the same place, and
// one version in the place of all others, back and forth.

const panes = document.querySelector(".panes");
const windows = [...document.querySelectorAll(".window")];
const zooms = [...document.querySelectorAll("[data-zoom]")];
const element = (id) => document.getElementById(id);
const kept = sessionStorage; // from scene to scene
let zoom = 1; // pixels of the screen for each of the image, along a side

function size() {
  for (const image of document.querySelectorAll(".window > img")) {
    image.style.width = `${(zoom * image.getAttribute("width")) / devicePixelRatio}px`;
    image.style.height = `${(zoom * image.getAttribute("height")) / devicePixelRatio}px`;
  }
}

function watchPixelRatio() {
  const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
  query.addEventListener("change", () => (size(), watchPixelRatio()), { once: true });
}

// What one window shows in its middle, all show. Those that follow tell of it too: what they were
// moved to is no wish of theirs, and would stop a movement that goes on.
const led = new WeakMap();

function follow(leader) {
  const { scrollLeft, scrollTop } = leader;
  const last = led.get(leader);
  led.delete(leader);
  if (last && last.scrollLeft === scrollLeft && last.scrollTop === scrollTop) return;
  for (const pane of windows) {
    if (pane === leader || (pane.scrollLeft === scrollLeft && pane.scrollTop === scrollTop)) continue;
    pane.scrollTo({ left: scrollLeft, top: scrollTop, behavior: "instant" });
    led.set(pane, { scrollLeft: pane.scrollLeft, scrollTop: pane.scrollTop });
  }
}

function enlarge(times) {
  const [first] = windows;
  if (!first) return;
  const { scrollLeft, scrollTop, clientWidth, clientHeight } = first;
  const [x, y] = [scrollLeft + clientWidth / 2, scrollTop + clientHeight / 2].map((n) => n / zoom);
  zoom = times;
  kept.setItem("sheet-zoom", String(zoom));
  for (const button of zooms) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.zoom) === zoom));
  }
  size();
  first.scrollLeft = Math.round(x * zoom - first.clientWidth / 2);
  first.scrollTop = Math.round(y * zoom - first.clientHeight / 2);
  follow(first);
}

// The middle of a photograph says more than a corner of its sky.
function centre([first]) {
  if (!first) return;
  const { scrollWidth, scrollHeight, clientWidth, clientHeight } = first;
  const [left, top] = [scrollWidth - clientWidth, scrollHeight - clientHeight].map((n) => Math.round(n / 2));
  first.scrollTo({ left, top, behavior: "instant" });
  follow(first);
}

function drag(pane) {
  let from = null;
  pane.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button) return; // fingers scroll by themselves
    from = { x: event.clientX + pane.scrollLeft, y: event.clientY + pane.scrollTop };
    pane.setPointerCapture(event.pointerId);
  });
  pane.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (!from) return;
    pane.scrollLeft = from.x - clientX;
    pane.scrollTop = from.y - clientY;
  });
  for (const end of ["pointerup", "pointercancel"]) pane.addEventListener(end, () => (from = null));
}

// ---- One version in the place of the others ----

let pressed = false; // by the button, until it is pressed again
let held = false; // by the space bar

function swap() {
  const on = pressed !== held;
  panes.classList.toggle("swapped", on);
  element("swap").setAttribute("aria-pressed", String(pressed));
  for (const pane of windows) {
    const now = pane.parentElement.querySelector(".now");
    now.textContent = on ? `shows ${pane.lastElementChild.dataset.title}` : "";
  }
}

// Over every version lies that one, out of sight: between the two nothing is fetched or laid out.
function choose(place) {
  const { title, method } = windows[place].dataset;
  kept.setItem("sheet-with", method);
  for (const pane of windows) {
    pane.querySelector(".other")?.remove();
    const other = windows[place].firstElementChild.cloneNode();
    Object.assign(other, { className: "other", alt: "" });
    other.dataset.title = title;
    pane.append(other);
  }
  size();
  swap();
}

function offer() {
  if (windows.length < 2) return;
  const choice = element("with");
  for (const [place, { dataset }] of windows.entries()) {
    choice.add(new Option(dataset.title, place));
  }
  const methods = windows.map((pane) => pane.dataset.method);
  const found = [kept.getItem("sheet-with"), "hr"].map((name) => methods.indexOf(name));
  choice.value = String(found.find((place) => place >= 0) ?? windows.length - 1);
  choice.addEventListener("change", () => choose(Number(choice.value)));
  element("swap").addEventListener("click", () => ((pressed = !pressed), swap()));
  for (const pane of windows) {
    pane.addEventListener("keydown", (event) => {
      if (event.key !== " " || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault(); // the arrows and Page Down move the image as well
      if (!event.repeat) ((held = true), swap());
    });
    pane.addEventListener("keyup", ({ key }) => key === " " && ((held = false), swap()));
    pane.addEventListener("blur", () => held && ((held = false), swap()));
  }
  choose(Number(choice.value));
  for (const id of ["hold", "hold-keys"]) element(id)?.removeAttribute("hidden");
}

// Within a window the arrows move the image, within a field they choose.
function turn({ key, target, ctrlKey, altKey, metaKey, shiftKey }) {
  if (ctrlKey || altKey || metaKey || shiftKey || target.closest(".window, select, input")) return;
  const way = { ArrowLeft: "prev", ArrowRight: "next" }[key];
  if (way) document.querySelector(`a[rel=${way}]`)?.click();
}

for (const pane of windows) {
  pane.addEventListener("scroll", () => follow(pane));
  drag(pane);
}
for (const button of zooms) button.addEventListener("click", () => enlarge(Number(button.dataset.zoom)));
for (const id of ["zoom", "keys"]) element(id)?.removeAttribute("hidden");
addEventListener("keydown", turn);
watchPixelRatio();
offer();
enlarge(Number(kept.getItem("sheet-zoom")) || 1);
centre(windows);
