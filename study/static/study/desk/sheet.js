// The contact sheet: image pixels as whole pixels of the screen, all versions at the same place.

const windows = [...document.querySelectorAll(".window")];
const zooms = [...document.querySelectorAll("[data-zoom]")];
let zoom = 1; // pixels of the screen for each of the image, along a side

function size() {
  for (const pane of windows) {
    const image = pane.firstElementChild;
    image.style.width = `${(zoom * image.getAttribute("width")) / devicePixelRatio}px`;
    image.style.height = `${(zoom * image.getAttribute("height")) / devicePixelRatio}px`;
  }
}

// What one window shows in its middle, all show.
function follow(leader) {
  const { scrollLeft, scrollTop } = leader;
  for (const pane of windows) {
    if (pane === leader) continue;
    pane.scrollLeft = scrollLeft;
    pane.scrollTop = scrollTop;
  }
}

function enlarge(times) {
  const [first] = windows;
  if (!first) return;
  const { scrollLeft, scrollTop, clientWidth, clientHeight } = first;
  const [x, y] = [scrollLeft + clientWidth / 2, scrollTop + clientHeight / 2].map((n) => n / zoom);
  zoom = times;
  for (const button of zooms) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.zoom) === zoom));
  }
  size();
  first.scrollLeft = Math.round(x * zoom - clientWidth / 2);
  first.scrollTop = Math.round(y * zoom - clientHeight / 2);
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

// Within a window the arrows move the image.
function turn({ key, target, ctrlKey, altKey, metaKey, shiftKey }) {
  if (ctrlKey || altKey || metaKey || shiftKey || target.closest(".window")) return;
  const way = { ArrowLeft: "prev", ArrowRight: "next" }[key];
  if (way) document.querySelector(`a[rel=${way}]`)?.click();
}

for (const pane of windows) {
  pane.addEventListener("scroll", () => follow(pane));
  drag(pane);
}
for (const button of zooms) button.addEventListener("click", () => enlarge(Number(button.dataset.zoom)));
for (const id of ["zoom", "keys"]) document.getElementById(id)?.removeAttribute("hidden");
addEventListener("keydown", turn);
matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", size);
size();
