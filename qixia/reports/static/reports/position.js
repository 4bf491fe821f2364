// Fills the position of a form [data-position] when a photo is chosen; says in words whether there is one. What the first
// photo says of itself goes along. Without this file a desk's form takes the place that the photo carries.

import { readExif } from "./exif.js";
import { shrink } from "./shrink.js";

function fill(form) {
  const said = form.querySelector("[data-position-text]");
  const say = (name) => said && (said.textContent = said.dataset[name]);
  if (!navigator.geolocation) return say("failed");
  say("waiting");
  return navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      form.elements.lat.value = coords.latitude;
      form.elements.lng.value = coords.longitude;
      form.elements.accuracy_m.value = coords.accuracy;
      form.elements.place_source.value = "gps";
      say("found");
    },
    () => say("failed"),
    { enableHighAccuracy: true, timeout: 10_000, maximumAge: 0 },
  );
}

async function lighten(form, input) {
  const file = input.files[0];
  if (!file || input.files.length > 1 || !window.DataTransfer || !form.elements.claimed) return;
  const claimed = { ...(await readExif(file)), source: "camera", original_bytes: file.size };
  const small = await shrink(file, { maxBytes: Infinity });
  const files = new DataTransfer();
  files.items.add(new File([small], "photo-1.jpg", { type: small.type || file.type }));
  input.files = files.files;
  form.elements.claimed.value = JSON.stringify([claimed]);
}

document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-position]");
  if (!form || event.target.type !== "file") return;
  if (!form.elements.lat.value) fill(form);
  lighten(form, event.target).catch(() => {});
});

document.querySelectorAll("form[data-position][data-now]").forEach(fill);
