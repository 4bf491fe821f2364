// The dispatch catalogue: a click on the map fills the place of the question. A draft that was changed must be looked at again.
import { createPicker } from '../places/picker.js';

const box = document.getElementById('ask-map');
if (box && box.offsetParent !== null) {
  const lat = document.getElementById('lat'), lng = document.getElementById('lng');
  const place = lat.value && lng.value ? { lat: Number(lat.value), lng: Number(lng.value) } : null;
  await createPicker(box, { zoom: 14, place });
  box.addEventListener('qx:place', (event) => {
    lat.value = event.detail.lat;
    lng.value = event.detail.lng;
    document.getElementById('community').value = '';
    document.getElementById('site_kind').value = '';
  });
}

const publish = document.querySelector('button[name="act"][value="publish"]');
publish?.form.addEventListener('change', (event) => {
  if (event.target.name !== 'note') publish.disabled = true;
});
