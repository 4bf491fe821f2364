// Where a row is, pointed at on a map: one dialog for all rows. The choice goes into the row's own form.
import { createPicker } from '../places/picker.js';

const dialog = document.getElementById('import-map');
const map = document.getElementById('import-picker');
let picker = null;
let form = null;
let chosen = null;

function choose(place) {
  chosen = place;
  dialog.querySelector('[data-use]').disabled = !place;
}

async function open(button) {
  form = button.form;
  choose(null);
  dialog.querySelector('[data-said]').textContent = button.dataset.said;
  dialog.querySelector('[data-where]').textContent = '';
  dialog.showModal();
  picker ??= await createPicker(map);
  picker.view.map.invalidateSize();
  if (button.dataset.lat) picker.put({ lat: Number(button.dataset.lat), lng: Number(button.dataset.lng) }, null, 'map', { quiet: true });
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-pick]');
  if (button && dialog) open(button);
});
map?.addEventListener('qx:place', (event) => choose(event.detail));
map?.addEventListener('qx:where', (event) => { dialog.querySelector('[data-where]').textContent = event.detail.words ?? ''; });
dialog?.querySelector('[data-use]').addEventListener('click', () => {
  if (!chosen || !form) return;
  form.elements.lat.value = chosen.lat;
  form.elements.lng.value = chosen.lng;
  dialog.close();
  form.requestSubmit();
});
