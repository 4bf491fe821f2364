// The triage queue: levels follow the class, any class is found by typing, the keyboard stays with the case shown.
//
// Without this script the page is three columns of links and one form with a select of all classes. Everything here is
// done again after each swap, because the case is drawn anew by the server. Keys 1 2 3 S Enter V J K are console.js's:
// it presses what carries data-key.

// Listeners stand on the document and nothing is kept from before: "back" draws the whole page anew.
const box = () => document.getElementById('triage-case');
const inside = (event) => Boolean(event.target.closest?.('#triage-case'));
const LEVELS = ['low', 'normal', 'high', 'critical'];
const live = (text) => { const place = document.getElementById('qx-live'); if (place) place.textContent = text; };
const form = () => document.getElementById('triage-form');
const all = (selector) => [...(form()?.querySelectorAll(selector) ?? [])];

// ── severity: follows the class until the clerk sets it; S lifts it ───────────
let suggested = 'low';
let isSet = false;

const level = () => all('[name=severity]').find((radio) => radio.checked)?.value;

function setLevel(key) {
  const radio = all('[name=severity]').find((one) => one.value === key);
  if (radio) radio.checked = true;
  return radio;
}

// From the top it goes back to what the machine said, never below: one press too many is mended by more of them.
function raise() {
  const next = level() === 'critical' ? suggested : LEVELS[LEVELS.indexOf(level()) + 1];
  const radio = setLevel(next);
  isSet = true;
  if (radio) live(radio.closest('label').innerText.replace(/\s+/g, ' '));
}

// ── class ─────────────────────────────────────────────────────────────────────
function follow(source) {
  document.getElementById('triage-choose').hidden = true;
  suggested = source.dataset.severity || suggested;
  if (!isSet) setLevel(suggested);
  const first = form().querySelector('#triage-unit option[value=""]');
  if (first) first.textContent = [first.parentElement.dataset.byClass, source.dataset.unit].filter(Boolean).join(' ');
}

// A class without a key of its own stands fourth, under key 4.
function take(option) {
  let radio = all('[name=cls]').find((one) => one.value === option.value);
  if (!radio) {
    form().querySelector('[data-made]')?.remove();
    const made = document.getElementById('triage-class').content.firstElementChild.cloneNode(true);
    radio = made.querySelector('input');
    radio.value = option.value;
    radio.dataset.keyLabel = option.textContent;
    Object.assign(radio.dataset, { severity: option.dataset.severity, unit: option.dataset.unit });
    made.querySelector('[data-name]').textContent = option.textContent;
    made.querySelector('[data-detail]').textContent = [option.parentElement.label, option.dataset.unit, option.dataset.limit].filter(Boolean).join(' | ');
    form().querySelector('.qx-tri-any').before(made);
  }
  radio.checked = true;
  follow(radio);
  live(option.textContent);
}

// ── finding a class: a combobox over the options of the plain select ──────────
const find = () => document.getElementById('triage-find');
const list = () => document.getElementById('triage-options');

const options = () => [...form().querySelectorAll('#triage-other option[value]:not([value=""])')];
const fits = (option, text) => `${option.textContent} ${option.parentElement.label} ${option.value} ${option.dataset.unit}`.toLowerCase().includes(text);

function optionRow(option, index) {
  const row = document.createElement('li');
  row.id = `triage-option-${index}`;
  row.setAttribute('role', 'option');
  row.setAttribute('aria-selected', String(index === 0));
  row.dataset.value = option.value;
  const name = Object.assign(document.createElement('b'), { textContent: option.textContent });
  const more = Object.assign(document.createElement('small'), { textContent: [option.parentElement.label, option.dataset.unit].filter(Boolean).join(' | ') });
  row.append(name, more);
  return row;
}

function open() {
  const text = find().value.trim().toLowerCase();
  const found = options().filter((option) => !text || fits(option, text));
  list().replaceChildren(...found.map(optionRow));
  if (!found.length) list().append(Object.assign(document.createElement('li'), { textContent: list().dataset.none, className: 'qx-3rd' }));
  list().hidden = false;
  find().setAttribute('aria-expanded', 'true');
  mark(0);
}

function close() {
  if (!find()) return;
  list().hidden = true;
  find().setAttribute('aria-expanded', 'false');
  find().removeAttribute('aria-activedescendant');
}

const rows = () => [...list().querySelectorAll('[role=option]')];
const marked = () => rows().findIndex((row) => row.getAttribute('aria-selected') === 'true');

function mark(index) {
  rows().forEach((row, at) => row.setAttribute('aria-selected', String(at === index)));
  const row = rows()[index];
  if (row) { find().setAttribute('aria-activedescendant', row.id); row.scrollIntoView({ block: 'nearest' }); } else find().removeAttribute('aria-activedescendant');
}

function choose(row) {
  const option = row && options().find((one) => one.value === row.dataset.value);
  if (!option) return;
  take(option);
  find().value = '';
  close();
  find().blur(); // the next Enter confirms
}

const TYPED = {
  ArrowDown: () => (list().hidden ? open() : mark(Math.min(marked() + 1, rows().length - 1))),
  ArrowUp: () => mark(Math.max(marked() - 1, 0)),
  Enter: () => (list().hidden ? open() : choose(rows()[marked()])),
  Escape: () => { find().value = ''; close(); find().blur(); },
};

document.addEventListener('input', (event) => { if (event.target === find()) open(); });
document.addEventListener('focusin', (event) => { if (event.target === find()) open(); });
document.addEventListener('focusout', (event) => { if (event.target === find()) close(); });
document.addEventListener('mousedown', (event) => {
  const row = event.target.closest('#triage-options [role=option]');
  if (!event.target.closest('#triage-options')) return;
  event.preventDefault(); // the field keeps the focus, so the list stays until the choice is made
  if (row) choose(row);
});
document.addEventListener('keydown', (event) => {
  if (!inside(event)) return;
  // A radio group is walked with arrows, as everywhere; elsewhere they go through the queue.
  if (event.target.matches('[type=radio]') && event.key.startsWith('Arrow')) event.stopPropagation();
  if (event.target !== find() || event.isComposing || !TYPED[event.key]) return;
  event.preventDefault();
  event.stopPropagation();
  TYPED[event.key]();
}, true);
document.addEventListener('change', (event) => {
  if (!inside(event)) return;
  if (event.target.name === 'cls') follow(event.target);
  if (event.target.name === 'severity') isSet = true;
});
// Nothing was read in the words, so nothing is chosen beforehand: a confirmation would be nobody's decision.
document.addEventListener('submit', (event) => {
  if (event.target !== form() || all('[name=cls]').some((radio) => radio.checked)) return;
  event.preventDefault();
  event.stopPropagation();
  document.getElementById('triage-choose').hidden = false;
  all('[name=cls]')[0]?.focus();
}, true);
document.addEventListener('click', (event) => { if (event.target.closest('[data-raise]')) raise(); });

// ── a case was drawn: what needs this script is offered, the queue shows where one is ────────────────────────────
function prepare() {
  for (const hint of document.querySelectorAll('.qx-keys [data-needs]')) hint.hidden = !box().querySelector(`[data-key="${hint.dataset.needs}"]`);
  isSet = false;
  suggested = level() || 'low';
  if (!form()) return;
  all('[data-plain]').forEach((element) => { element.hidden = true; });
  all('[data-quick], [data-raise]').forEach((element) => { element.hidden = false; });
  const chosen = all('[name=cls]').find((radio) => radio.checked);
  if (!chosen) return;
  const given = level();
  follow(chosen);
  // What the machine said of this text as a whole stands, also where the class alone would be less.
  if (given) { setLevel(given); suggested = given; }
}

function point(id) {
  for (const row of document.querySelectorAll('#triage-list [data-row]')) {
    if (row.dataset.case === id) { row.setAttribute('aria-current', 'true'); row.scrollIntoView({ block: 'nearest' }); } else row.removeAttribute('aria-current');
  }
}

// J J J goes three on, whether or not the first of them has come: the queue points to what was asked for last. Until
// that is drawn, Enter decides nothing: it would be about a case that the clerk has already left.
let wanted = '';
const drawn = () => document.getElementById('triage-now')?.dataset.case ?? '';

document.addEventListener('click', (event) => {
  const row = event.target.closest('#triage-list [data-row]');
  if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
  wanted = row.dataset.case;
  point(wanted);
}, true);
document.addEventListener('submit', (event) => {
  if (!inside(event) || !wanted || wanted === drawn()) return;
  event.preventDefault();
  event.stopPropagation();
}, true);
document.addEventListener('htmx:afterRequest', (event) => {
  if (event.detail.successful || event.detail.target !== box()) return;
  wanted = '';
  point(drawn());
});

document.addEventListener('htmx:afterSettle', (event) => {
  if (event.target !== box()) return;
  const now = document.getElementById('triage-now');
  document.getElementById('main').classList.toggle('is-list', !drawn());
  prepare();
  // What was drawn is what was asked for, or another in its place because that one was gone: nothing more is to come.
  const asked = event.detail.requestConfig?.path ?? '';
  if (!asked.includes(drawn()) || asked.includes(wanted)) wanted = '';
  point(wanted || drawn());
  now?.scrollTo(0, 0);
  if (matchMedia('(max-width: 860px)').matches) scrollTo(0, 0);
  now?.focus({ preventScroll: true });
});

function begin() {
  wanted = '';
  prepare();
  point(drawn());
}
document.addEventListener('htmx:historyRestore', begin);
begin();
