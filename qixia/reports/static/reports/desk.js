// The desk: filters that apply themselves, the live map beside the list.
import { createMap } from '../places/map.js';
import { OUTLINES } from '../places/clusters.js';

// ── the map: the number in the row is the number on the map ───────────────────
const mapBox = document.getElementById('desk-map');
const pins = new Map();

function pinOf(L, view, row, number) {
  const { lat, lng, severity, title } = row.dataset;
  const outline = OUTLINES[severity] || OUTLINES.low;
  const text = document.createElement('b');
  text.textContent = number;
  const icon = L.divIcon({ className: `qx-pin qx-pin-${severity} qx-pin-n`, iconSize: [30, 30], html: `<svg viewBox="0 0 32 32" aria-hidden="true">${outline}</svg>${text.outerHTML}` });
  const marker = L.marker(view.toMap({ lat: Number(lat), lng: Number(lng) }), { icon, title: `${number} ${title}`, alt: `${number} ${title}`, zIndexOffset: 500 - number });
  return marker.on('click', () => row.querySelector('a[href]').click()).addTo(view.map);
}

function showChosen(view) {
  const chosen = document.querySelector('[data-row][aria-selected="true"]');
  pins.forEach((marker, row) => marker.getElement()?.classList.toggle('is-selected', row === chosen));
  if (pins.has(chosen)) view.map.panTo(pins.get(chosen).getLatLng(), { animate: false });
}

if (mapBox && mapBox.offsetParent !== null) {
  const view = await createMap(mapBox, { locate: false });
  document.querySelectorAll('[data-row][data-lat]').forEach((row, index) => pins.set(row, pinOf(window.L, view, row, index + 1)));
  showChosen(view);
  document.addEventListener('qx:row', () => showChosen(view));
  document.addEventListener('htmx:afterSettle', () => showChosen(view));
}

// ── standard texts: choosing one puts it in where the cursor is ────────────────
document.addEventListener('change', (event) => {
  const select = event.target.closest?.('select[data-wording]');
  const text = select?.selectedOptions[0]?.dataset.text;
  const field = select && document.getElementById(select.dataset.wording);
  if (!text || !field) return;
  field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end');
  field.focus();
  select.value = '';
});

// ── the panel of filters closes when something else is pressed ────────────────
document.addEventListener('click', (event) => {
  document.querySelectorAll('details.qx-more[open], details.qx-notebox[open], details[data-menu][open]').forEach((open) => {
    const chosen = open.matches('[data-menu]') && event.target.closest('a, button');
    if (chosen || !open.contains(event.target) && !event.target.closest('dialog')) open.open = false;
  });
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') document.querySelectorAll('details.qx-more[open], details[data-menu][open]').forEach((open) => { open.open = false; });
});

// ── on a phone a row opens the case by itself instead of the pane beside the list ──
const small = matchMedia('(max-width: 860px)');
document.addEventListener('htmx:beforeRequest', (event) => {
  const link = event.target.closest?.('[data-row] a[data-case-url]');
  if (!link || !small.matches) return;
  event.preventDefault();
  location.assign(link.dataset.caseUrl);
});

// ── the row that is open stays marked when the pane changes ───────────────────
document.addEventListener('htmx:afterRequest', (event) => {
  const link = event.target.closest?.('[data-row] a');
  if (!link || !event.detail.successful) return;
  document.querySelectorAll('[data-row][aria-selected="true"]').forEach((row) => row.setAttribute('aria-selected', 'false'));
  link.closest('[data-row]').setAttribute('aria-selected', 'true');
});
