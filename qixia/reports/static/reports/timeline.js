// "未解决" opens its little form in place; a photo is shrunk before it goes. Without this file both are plain forms.

import { readExif } from "./exif.js";
import { shrink } from "./shrink.js";

const section = document.querySelector("#unsolved");

document.querySelector("[data-unsolved]")?.addEventListener("click", (event) => {
  event.preventDefault();
  section.hidden = false;
  section.scrollIntoView({ block: "center" });
  section.querySelector("textarea").focus({ preventScroll: true });
});

section?.querySelector("input[type=file]").addEventListener("change", async (event) => {
  const input = event.target;
  const file = input.files[0];
  if (!file || !window.DataTransfer) return;
  const claimed = { ...(await readExif(file)), source: "camera", original_bytes: file.size };
  const small = await shrink(file, { maxBytes: Infinity });
  const files = new DataTransfer();
  files.items.add(new File([small], "photo-1.jpg", { type: small.type || file.type }));
  input.files = files.files;
  section.querySelector("[name=claimed]").value = JSON.stringify([claimed]);
});
