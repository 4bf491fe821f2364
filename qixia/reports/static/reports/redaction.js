// Boxes on a picture. The rows of the form are the truth: a drawn box is a row, and the form is sent as it stands.
// Drag on the picture draws, on a box moves, on its corner resizes. Keys on a chosen box: arrows move, Shift+arrows
// resize, Delete removes. Positions are SVG attributes in pixels of the original; nothing here writes a style.

const NS = 'http://www.w3.org/2000/svg';
const SMALLEST = 4;
const svg = document.getElementById('cover-boxes');
const list = document.getElementById('cover-list');
const image = document.getElementById('cover-image');
const tools = document.getElementById('cover-tools');
const [width, height] = svg.getAttribute('viewBox').split(' ').slice(2).map(Number);
const step = Math.max(1, Math.round(Math.max(width, height) / 200));
const boxes = new Map(); // g → row
let kind = 'face';

const clamp = (value, low, high) => Math.min(Math.max(Math.round(value), low), Math.max(low, high));
const field = (row, name) => row.querySelector(`[name="${name}"]`);

function make(name, parent, attributes = {}) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return parent.appendChild(node);
}

// ── row ↔ box ─────────────────────────────────────────────────────────────────
function geometry(row) {
  const [x, y, w, h] = ['x', 'y', 'w', 'h'].map((name) => Number(field(row, name).value) || 0);
  return { x, y, w, h };
}

function place(row, { x, y, w, h }) {
  const wide = clamp(w, SMALLEST, width);
  const high = clamp(h, SMALLEST, height);
  const values = { x: clamp(x, 0, width - wide), y: clamp(y, 0, height - high), w: wide, h: high };
  for (const [name, value] of Object.entries(values)) field(row, name).value = value;
  draw(row);
}

function draw(row) {
  const { x, y, w, h } = geometry(row);
  const group = row.box;
  const named = field(row, 'kind').value;
  const handle = Math.max(width, height) / 70;
  group.setAttribute('class', `is-${named}`);
  const [rect, corner] = group.children;
  for (const [key, value] of Object.entries({ x, y, width: w, height: h })) rect.setAttribute(key, value);
  for (const [key, value] of Object.entries({ cx: x + w, cy: y + h, r: handle })) corner.setAttribute(key, value);
  const nth = svg.dataset.nth.replace('N', [...list.children].indexOf(row) + 1);
  group.setAttribute('aria-label', `${nth} ${svg.dataset[named]}`);
  row.querySelector('[data-title]').textContent = nth;
}

function adopt(row) {
  const group = make('g', svg, { tabindex: 0, role: 'button' });
  make('rect', group);
  make('circle', group, { 'data-corner': '' });
  row.box = group;
  boxes.set(group, row);
  const drop = row.querySelector('.qx-cover-drop');
  if (drop) drop.remove(); // the button takes the whole row away
  const remove = row.querySelector('[data-remove]');
  remove.hidden = false;
  remove.addEventListener('click', () => discard(row));
  row.addEventListener('input', () => draw(row));
  row.addEventListener('focusin', () => choose(row));
  group.addEventListener('focus', () => choose(row));
  draw(row);
}

function count() {
  const shown = document.getElementById('cover-count');
  shown.textContent = shown.dataset.words.replace('N', boxes.size);
}

function choose(row) {
  for (const [group, other] of boxes) {
    group.classList.toggle('is-chosen', other === row);
    other.classList.toggle('is-chosen', other === row);
  }
}

function discard(row) {
  const next = row.nextElementSibling || row.previousElementSibling;
  boxes.delete(row.box);
  row.box.remove();
  row.remove();
  for (const other of boxes.values()) draw(other);
  count();
  (next?.box || tools.querySelector('button')).focus();
}

const spare = [...list.children].filter((row) => !field(row, 'w').value);
const blank = spare[0].cloneNode(true);
for (const row of spare) row.remove();
svg.replaceChildren();
for (const row of [...list.children]) adopt(row);

function add(named, box) {
  const row = blank.cloneNode(true);
  list.append(row);
  field(row, 'kind').value = named;
  adopt(row);
  place(row, box);
  choose(row);
  count();
  return row;
}

// ── adding by button ──────────────────────────────────────────────────────────
tools.hidden = false;
tools.addEventListener('click', (event) => {
  const button = event.target.closest('[data-add]');
  if (!button) return;
  kind = button.dataset.add;
  const wide = width / (kind === 'face' ? 8 : 5);
  const high = kind === 'face' ? wide * 1.25 : wide / 2.6;
  const shift = (boxes.size % 5) * step * 4;
  add(kind, { x: (width - wide) / 2 + shift, y: (height - high) / 2 + shift, w: wide, h: high }).box.focus();
});

// ── pointer: mouse, pen, finger ───────────────────────────────────────────────
let drag = null;

function point(event) {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  return { x: at.x, y: at.y };
}

svg.addEventListener('pointerdown', (event) => {
  if (event.button !== 0 || drag) return;
  const group = event.target.closest('g');
  const start = point(event);
  const row = group && boxes.get(group);
  const how = !row ? 'draw' : event.target.hasAttribute('data-corner') ? 'resize' : 'move';
  drag = { how, row, start, from: row && geometry(row) };
  svg.setPointerCapture(event.pointerId);
  event.preventDefault();
  if (row) group.focus();
});

svg.addEventListener('pointermove', (event) => {
  if (!drag) return;
  const now = point(event);
  const [dx, dy] = [now.x - drag.start.x, now.y - drag.start.y];
  if (drag.how === 'draw') {
    const box = { x: Math.max(0, Math.min(drag.start.x, now.x)), y: Math.max(0, Math.min(drag.start.y, now.y)), w: Math.abs(dx), h: Math.abs(dy) };
    if (!drag.row && Math.max(box.w, box.h) > step * 2) drag.row = add(kind, box);
    else if (drag.row) place(drag.row, { ...box, w: Math.min(box.w, width - box.x), h: Math.min(box.h, height - box.y) });
    return;
  }
  const { x, y, w, h } = drag.from;
  if (drag.how === 'move') place(drag.row, { x: x + dx, y: y + dy, w, h });
  else place(drag.row, { x, y, w: Math.min(w + dx, width - x), h: Math.min(h + dy, height - y) });
});

function release() {
  const row = drag?.row;
  drag = null;
  row?.box?.focus();
}
svg.addEventListener('pointerup', release);
svg.addEventListener('pointercancel', release);

// ── keys on a chosen box ──────────────────────────────────────────────────────
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

svg.addEventListener('keydown', (event) => {
  const row = boxes.get(event.target.closest('g'));
  if (!row) return;
  if (event.key === 'Delete' || event.key === 'Backspace') {
    event.preventDefault();
    discard(row);
    return;
  }
  const arrow = ARROWS[event.key];
  if (!arrow) return;
  event.preventDefault();
  const [dx, dy] = arrow.map((one) => one * (event.altKey ? 1 : step));
  const { x, y, w, h } = geometry(row);
  if (event.shiftKey) place(row, { x, y, w: Math.min(w + dx, width - x), h: Math.min(h + dy, height - y) });
  else place(row, { x: x + dx, y: y + dy, w, h });
});

// ── the picture as it came, asked for with a reason ───────────────────────────
const open = document.getElementById('cover-open');
const wrong = document.getElementById('open-error');

open.addEventListener('submit', async (event) => {
  event.preventDefault();
  wrong.hidden = true;
  const answer = await fetch(open.action, { method: 'POST', body: new FormData(open), headers: { Accept: 'image/*, application/problem+json' } }).catch(() => null);
  if (answer?.ok) {
    const shown = URL.createObjectURL(await answer.blob());
    image.addEventListener('load', () => URL.revokeObjectURL(shown), { once: true });
    image.src = shown;
    image.alt = open.querySelector('label').textContent;
    document.getElementById('reason').value ||= open.elements.reason.value;
    return;
  }
  const problem = await answer?.json().catch(() => null);
  wrong.textContent = problem?.detail || problem?.title || String(answer?.status || '');
  wrong.hidden = false;
});
