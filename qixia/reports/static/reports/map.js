// The map page: our base, reports on it, filters, and the same in words.
import { createMap } from '../places/map.js';
import { attachReports } from '../places/clusters.js';

const el = document.getElementById('report-map');
const status = document.getElementById('map-status');

el.addEventListener('qx:map-shown', (event) => { status.textContent = status.dataset.shown ? status.dataset.shown.replace('%d', event.detail.count) : ''; });
el.addEventListener('qx:map-failed', () => { status.textContent = status.dataset.failed || ''; });

const view = await createMap(el);
view.fit();
attachReports(view, {
  url: el.dataset.points,
  list: document.getElementById('map-list'),
  filters: document.getElementById('map-filters'),
  onSelect: (point) => { if (point.url) location.assign(point.url); },
});
