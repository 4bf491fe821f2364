// The map page: our base, reports on it, filters, and the same in words.
import { createMap } from '../places/map.js';
import { attachReports } from '../places/clusters.js';

// Its shape is none of a severity's: it is no matter to be mended.
const PIN = '<svg viewBox="0 0 32 32" aria-hidden="true"><rect class="qx-pin-s" x="4" y="4" width="24" height="24" rx="6"/><path class="qx-pin-d" d="M16 8.6l2.3 4.8 5.2.7-3.8 3.7.9 5.2-4.6-2.5-4.6 2.5.9-5.2-3.8-3.7 5.2-.7z"/></svg>';
const el = document.getElementById('report-map');
const status = document.getElementById('map-status');

el.addEventListener('qx:map-shown', (event) => { status.textContent = status.dataset.shown ? status.dataset.shown.replace('%d', event.detail.count) : ''; });
el.addEventListener('qx:map-shown', (event) => { showFacilities(event.detail.data?.facilities || []); });
el.addEventListener('qx:map-failed', () => { status.textContent = status.dataset.failed || ''; });

const view = await createMap(el);
const facilities = window.L.layerGroup().addTo(view.map);
view.fit();
attachReports(view, {
  url: el.dataset.points,
  list: document.getElementById('map-list'),
  filters: document.getElementById('map-filters'),
  onSelect: (point) => { if (point.url) location.assign(point.url); },
});

/** What riders asked for and is there now: a square with a star on the map, and a line in words. */
function showFacilities(found) {
  facilities.clearLayers();
  const box = document.getElementById('facility-box'), list = document.getElementById('facility-list');
  const lines = found.map((one) => {
    const words = [box?.dataset.by, one.title, one.amount, one.place, (box?.dataset.since || '').replace('%s', one.since)].filter(Boolean).join('，');
    const icon = window.L.divIcon({ className: 'qx-pin qx-pin-made', html: PIN, iconSize: [30, 30] });
    const marker = window.L.marker(view.toMap(one), { icon, title: words, alt: words, riseOnHover: true, zIndexOffset: 50 });
    marker.on('click', () => location.assign(one.url)).addTo(facilities);
    marker.getElement()?.setAttribute('aria-label', words);
    const item = document.createElement('li'), link = document.createElement('a');
    link.href = one.url;
    link.textContent = words;
    item.append(link);
    return item;
  });
  list?.replaceChildren(...lines);
  if (box) box.hidden = !lines.length;
}
