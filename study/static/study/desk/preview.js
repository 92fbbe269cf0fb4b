// The list of previewed pages: they can be opened in a window as narrow as a phone's.

const narrow = document.getElementById("narrow");

for (const link of document.querySelectorAll(".scenes a")) {
  link.addEventListener("click", (event) => {
    if (!narrow.checked || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (open(link.href, "narrow", "popup,width=390,height=780")) event.preventDefault();
  });
}
narrow.closest("[hidden]").hidden = false;
