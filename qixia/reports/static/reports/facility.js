// The new facility of an undertaking: a click on the map fills its place and takes the chosen site back.
import { createPicker } from '../places/picker.js';

const box = document.getElementById('facility-map');
if (box) {
  await createPicker(box, { zoom: 14 });
  box.addEventListener('qx:place', (event) => {
    document.getElementById('lat').value = event.detail.lat;
    document.getElementById('lng').value = event.detail.lng;
    document.getElementById('site').value = '';
  });
}
