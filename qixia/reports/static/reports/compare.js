// The before/after slider. Without it the two photos stay half and half.
// element.style is CSSOM, so a strict CSP (no inline style in the markup) allows it.

for (const range of document.querySelectorAll(".qx-compare input[type=range]")) {
  const show = () => range.parentElement.style.setProperty("--pos", `${range.value}%`);
  range.addEventListener("input", show);
  show();
}
