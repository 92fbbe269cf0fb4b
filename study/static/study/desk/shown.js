/** Whole rows and columns of the matrix by one click on their name; images of a set at once. */

const table = document.querySelector("table.matrix");

/** Tick all of these boxes, or, if all are ticked, none. */
function toggle(boxes) {
  const on = boxes.some((box) => !box.checked);
  for (const box of boxes) box.checked = on;
  boxes[0]?.dispatchEvent(new Event("input", { bubbles: true }));
}

function boxesOf(head) {
  const column = head.dataset.column;
  if (column === undefined) return [...head.closest("tr").querySelectorAll("input")];
  return [...table.tBodies[0].rows].flatMap((row) => [
    ...row.cells[Number(column) + 1].querySelectorAll("input"),
  ]);
}

for (const head of table?.querySelectorAll("[data-row], [data-column]") ?? []) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.title = "All or none";
  button.textContent = head.textContent;
  button.addEventListener("click", () => toggle(boxesOf(head)));
  head.replaceChildren(button);
}

/** A button that does something to boxes, and tells the form of it. */
function button(text, press) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button plain small";
  made.textContent = text;
  made.addEventListener("click", press);
  return made;
}

/** How many images of a set are chosen, and whether the set is shown at all. */
function count(set) {
  const boxes = [...set.querySelectorAll("[name=image]")];
  const chosen = boxes.filter((box) => box.checked).length;
  const cells = [...table.querySelectorAll("[name=cell]")];
  const shown = cells.some((cell) => cell.checked && cell.value.split(" ")[0] === set.dataset.set);
  set.querySelector(".chosen").textContent = shown
    ? `${chosen} of ${boxes.length}`
    : `not shown${chosen < boxes.length ? `, ${chosen} of ${boxes.length} chosen` : ""}`;
}

const sets = [...document.querySelectorAll("[data-set]")];
for (const set of sets) {
  const items = [...set.querySelectorAll("li")];
  const tick = (on) => {
    // Of those in sight: what the filter hides stays as it is.
    const boxes = items.filter((item) => !item.hidden).map((item) => item.querySelector("input"));
    for (const box of boxes) box.checked = on;
    boxes[0]?.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const row = document.createElement("p");
  row.className = "row";
  row.append(button("All", () => tick(true)), " ", button("None", () => tick(false)));
  if (items.length > 12) {
    const filter = document.createElement("input");
    filter.type = "search";
    filter.placeholder = "Names with …";
    filter.setAttribute("aria-label", `Images of ${set.dataset.set} whose names have`);
    filter.addEventListener("input", (event) => {
      event.stopPropagation(); // nothing was chosen
      for (const item of items) {
        item.hidden = !item.textContent.toLowerCase().includes(filter.value.toLowerCase());
      }
    });
    filter.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    });
    row.append(" ", filter);
  }
  set.querySelector("summary").after(row);
}
document.querySelector("#settings")?.addEventListener("input", () => sets.forEach(count));
