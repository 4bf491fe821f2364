// The alarm page: asks every few seconds, draws what is new, rings, vibrates and blinks while something waits.
// A browser lets a page sound only after a tap, so the acts are sent without leaving the page: the tap holds until then.
const page = document.getElementById('alarm-page');
const list = document.getElementById('alarms');
const words = page.dataset;
const skew = Date.parse(words.now) - Date.now();
const now = () => Date.now() + skew;
let tag = words.tag;
let misses = 0;

// ── cards ─────────────────────────────────────────────────────────────────────
const cardsIn = (root) => [...root.querySelectorAll('[data-card]')];
const ringing = () => list.querySelectorAll('[data-rings]').length;
// Somebody is typing in it: what is new there waits.
const isBusy = (card) => card.querySelector('details[open]') !== null || card.contains(document.activeElement);

function draw(html) {
  const fresh = document.createElement('template');
  fresh.innerHTML = html;
  const old = new Map(cardsIn(list).map((card) => [card.dataset.card, card]));
  const kept = document.activeElement;
  const cards = cardsIn(fresh.content).map((card) => {
    const mine = old.get(card.dataset.card);
    const same = mine && mine.dataset.rings === card.dataset.rings && (mine.dataset.stamp === card.dataset.stamp || isBusy(mine));
    return same ? mine : document.importNode(card, true);
  });
  if (cards.length !== old.size || cards.some((card, at) => card !== list.querySelectorAll(':scope > [data-card]')[at])) {
    list.replaceChildren(...cards);
    window.htmx?.process(list);
    if (kept && list.contains(kept)) kept.focus();
  }
  tick();
}

// ── asking ────────────────────────────────────────────────────────────────────
function trouble(text) {
  const note = document.querySelector('[data-trouble]');
  note.querySelector('span').textContent = text;
  note.hidden = !text;
}

async function ask() {
  try {
    const answer = await fetch(words.cards, { headers: { 'HX-Request': 'true', 'If-None-Match': tag }, cache: 'no-store' });
    if (answer.status === 401) { trouble(words.out); return; }
    if (answer.status === 200) {
      tag = answer.headers.get('ETag') || '';
      draw(await answer.text());
    } else if (answer.status !== 304) throw new Error(String(answer.status));
    misses = 0;
    trouble('');
  } catch {
    misses += 1;
    if (misses > 1) trouble(words.lost);
  }
}
setInterval(ask, Number(words.every) * 1000);
document.addEventListener('visibilitychange', () => { if (!document.hidden) ask(); });
document.addEventListener('htmx:afterSwap', (event) => { if (event.target === list) { tag = ''; tick(); } });

// ── sound ─────────────────────────────────────────────────────────────────────
const Context = window.AudioContext || window.webkitAudioContext;
let audio = null;

function showSound(state) {
  document.querySelectorAll('[data-sound]').forEach((part) => { part.hidden = part.dataset.sound !== state; });
}

function beep(frequency, from, length) {
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.type = 'square';
  tone.frequency.value = frequency;
  volume.gain.setValueAtTime(0.0001, from);
  volume.gain.exponentialRampToValueAtTime(0.22, from + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, from + length);
  tone.connect(volume).connect(audio.destination);
  tone.start(from);
  tone.stop(from + length);
}

function ringOnce() {
  if (audio?.state !== 'running') return;
  const from = audio.currentTime + 0.02;
  [880, 660, 880, 660].forEach((frequency, at) => beep(frequency, from + at * 0.28, 0.26));
  page.dataset.rang = String(Number(page.dataset.rang || 0) + 1);
}

async function soundOn() {
  if (!Context) { showSound('none'); return; }
  audio ??= new Context();
  await audio.resume();
  showSound(audio.state === 'running' ? 'on' : 'none');
  ringOnce();
}
document.querySelector('[data-sound-on]').addEventListener('click', soundOn);
document.querySelector('[data-sound-try]').addEventListener('click', ringOnce);
document.querySelector('[data-sound-off]').addEventListener('click', async () => { await audio?.suspend(); showSound('off'); });
setInterval(() => {
  if (!ringing()) return;
  ringOnce();
  if (!matchMedia('(prefers-reduced-motion: reduce)').matches && navigator.userActivation?.hasBeenActive !== false) navigator.vibrate?.([400, 150, 400]);
}, 2500);

// ── seconds, title ────────────────────────────────────────────────────────────
function span(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds >= 3600) return words.long.replace('{h}', Math.floor(seconds / 3600)).replace('{m}', Math.floor(seconds / 60) % 60);
  return words.span.replace('{m}', Math.floor(seconds / 60)).replace('{s}', String(seconds % 60).padStart(2, '0'));
}
const tail = document.title.slice(document.title.indexOf(words.calm) + words.calm.length);

function tick() {
  list.querySelectorAll('[data-since]').forEach((place) => { place.textContent = span(now() - Date.parse(place.dataset.since)); });
  list.querySelectorAll('[data-until]').forEach((place) => { place.textContent = span(Date.parse(place.dataset.until) - now()); });
  const count = ringing();
  const blinks = count > 0 && Math.floor(Date.now() / 1000) % 2 === 0;
  document.title = (blinks ? words.ringing.replace('{n}', count) : words.calm) + tail;
}
setInterval(tick, 1000);
tick();
