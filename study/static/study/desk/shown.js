/** Whole rows and columns of the matrix by one click on their name. */

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
