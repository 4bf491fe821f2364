// Puts the phone's position, or a point of the map, into a form. Without this file the address alone says where it is.
import { createPicker } from "../places/picker.js";

const button = document.getElementById("here");
const say = document.getElementById("here-say");
const where = document.getElementById("where");

function put({ lat, lng }, words) {
  const { elements } = say.closest("form");
  elements.lat.value = lat;
  elements.lng.value = lng;
  say.textContent = words;
}

if (button && navigator.geolocation) {
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => put({ lat: coords.latitude, lng: coords.longitude }, button.dataset.got),
      () => { say.textContent = button.dataset.failed; },
      { enableHighAccuracy: true, timeout: 10_000 },
    );
  });
}

// The map is made when somebody opens it: most addresses are found without.
let picker = null;
async function open() {
  if (!where.open || picker) return;
  const map = document.getElementById("where-map");
  picker = createPicker(map);
  map.addEventListener("qx:place", (event) => put(event.detail, where.dataset.marked));
  await picker;
}
if (where) {
  where.addEventListener("toggle", open);
  open();
}
