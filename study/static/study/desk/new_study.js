/** A name in addresses is suggested from the title, until somebody types one. */

const title = document.getElementById("id_title");
const slug = document.getElementById("id_slug");
let own = slug.value !== "";

/** As Django makes one: what an address can hold, in small letters. */
function slugOf(text) {
  const plain = text.normalize("NFKD").replace(/[^\w\s-]/g, "").toLowerCase();
  return plain.replace(/[-\s]+/g, "-").replace(/^[-_]+|[-_]+$/g, "").slice(0, slug.maxLength);
}

title.addEventListener("input", () => {
  if (!own) slug.value = slugOf(title.value);
});
slug.addEventListener("input", () => {
  own = slug.value !== "";
});

const copied = document.getElementById("id_copied");
copied?.addEventListener("input", () => {
  document.getElementById("start_copy").checked = true;
});
