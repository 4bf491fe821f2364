// The console with the keyboard: J K move, Enter opens, X ticks, / searches, ? lists, and every element with
// data-key is pressed by its key. Rows stand in [data-rows] as [data-row]; the chosen one has aria-selected="true".
// Where a row is itself a link (sorting), moving opens it: keys act on the case that is shown.
const TYPING = 'input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select, [contenteditable]';
const drawn = (element) => element.offsetParent !== null || element.getClientRects().length > 0;
const shown = (element) => drawn(element.closest('details[data-menu]') || element); // keys reach into a closed menu

// ── rows ──────────────────────────────────────────────────────────────────────
const rows = () => [...document.querySelectorAll('[data-rows] [data-row]')].filter(shown);
const chosen = () => document.querySelector('[data-rows] :is([data-row][aria-selected="true"], a[data-row][aria-current])');
const linkOf = (row) => (row?.matches('a[href]') ? row : row?.querySelector('a[href]'));

function choose(row, open) {
  if (!row || row === chosen() && row.matches('a')) return;
  if (row.matches('a')) { row.click(); return; }
  chosen()?.setAttribute('aria-selected', 'false');
  row.setAttribute('aria-selected', 'true');
  row.scrollIntoView({ block: 'nearest' });
  row.dispatchEvent(new CustomEvent('qx:row', { bubbles: true }));
  if (open) linkOf(row)?.click();
}

function step(by) {
  const all = rows();
  const at = all.indexOf(chosen());
  choose(all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)], false);
}

document.addEventListener('click', (event) => {
  const row = event.target.closest('[data-rows] [data-row]');
  if (row && !event.target.closest('a, button, input, label')) choose(row, true);
});

// ── several rows ──────────────────────────────────────────────────────────────
function count() {
  const bar = document.querySelector('[data-rowbar]');
  if (!bar) return;
  const ticked = document.querySelectorAll('[data-rows] [data-row] input[type=checkbox]:checked').length;
  bar.hidden = ticked === 0;
  bar.querySelector('[data-count]').textContent = ticked;
}

function tickAll(on) {
  rows().forEach((row) => row.querySelectorAll('input[type=checkbox]').forEach((box) => { box.checked = on; }));
  count();
}

document.addEventListener('change', (event) => {
  if (event.target.matches('[data-row-all]')) tickAll(event.target.checked);
  else if (event.target.closest('[data-rows]')) count();
});
document.addEventListener('click', (event) => { if (event.target.closest('[data-rowbar-clear]')) tickAll(false); });
document.addEventListener('htmx:afterSettle', count);

// ── keys ──────────────────────────────────────────────────────────────────────
const named = (key) => [...document.querySelectorAll('[data-key]')].find((e) => e.dataset.key === key && shown(e) && !e.disabled);

const HABITS = {
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  Enter: () => linkOf(chosen())?.click(),
  x: () => { const box = chosen()?.querySelector('input[type=checkbox]'); if (box) { box.checked = !box.checked; count(); } },
  '/': () => document.querySelector('[data-search]')?.focus(),
};

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') { drawer(false); if (event.target.matches(TYPING)) event.target.blur(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.matches(TYPING) || document.querySelector('dialog[open]')) return;
  const onControl = event.target.closest('a, button, summary, [tabindex="0"]');
  if (['Enter', 'ArrowDown', 'ArrowUp'].includes(event.key) && onControl) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const element = named(key);
  const habit = HABITS[key];
  if (!element && !(habit && (rows().length || key === '/'))) return;
  event.preventDefault();
  if (element) press(element);
  else habit();
});

function press(element) {
  if (element.matches(TYPING)) element.focus();
  else element.click();
}

// ── ? lists the keys of this page ─────────────────────────────────────────────
// What it knows: the usual keys (drawn by the template), every data-key on the page, and what else stands in the bar.
function labelOf(element) {
  const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join('').trim();
  return element.dataset.keyLabel || element.getAttribute('aria-label') || own || element.textContent.trim();
}

function keyRow(keys, label) {
  const row = document.createElement('div');
  const term = document.createElement('dt');
  row.dataset.made = '';
  keys.forEach((key) => term.append(Object.assign(document.createElement('kbd'), { className: 'qx-kbd', textContent: key }), ' '));
  row.append(term, Object.assign(document.createElement('dd'), { textContent: label }));
  return row;
}

function listKeys() {
  const list = document.querySelector('[data-keys-list]');
  if (!list) return;
  list.querySelectorAll('[data-made]').forEach((row) => row.remove());
  list.querySelectorAll('[data-if]').forEach((row) => { row.hidden = !document.querySelector(row.dataset.if); });
  const known = new Set(['?', ...[...list.querySelectorAll('div:not([hidden]) kbd')].map((kbd) => kbd.textContent)]);
  const add = (keys, label) => {
    if (keys.some((key) => known.has(key))) return;
    keys.forEach((key) => known.add(key));
    list.querySelector('[data-last]').before(keyRow(keys, label));
  };
  for (const element of document.querySelectorAll('[data-key]')) if (shown(element)) add([element.dataset.key.toUpperCase()], labelOf(element));
  for (const hint of document.querySelectorAll('.qx-keys > span')) {
    const keys = [...hint.querySelectorAll('kbd')].map((kbd) => kbd.textContent.trim());
    if (keys.length) add(keys, labelOf(hint));
  }
}
document.addEventListener('click', (event) => { if (event.target.closest('[data-open="qx-keys"]')) listKeys(); }, true);

// ── the side navigation on a small screen ─────────────────────────────────────
function drawer(open) {
  const console_ = document.getElementById('qx-console');
  const button = document.querySelector('[data-drawer="open"]');
  if (!console_ || console_.classList.contains('is-open') === open) return;
  console_.classList.toggle('is-open', open);
  button.setAttribute('aria-expanded', String(open));
  if (open) document.querySelector('#qx-side a')?.focus();
  else button.focus();
}
document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-drawer]');
  if (button) drawer(button.dataset.drawer === 'open');
});
