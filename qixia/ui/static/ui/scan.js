// The camera at a till or a counter: looks for a QR code and puts what it says into the form that typing uses too.
// Without a camera, without permission or without this script, the form alone does the whole job.
const box = document.getElementById('scan');
const video = document.getElementById('camera');
const start = document.getElementById('start');
const torch = document.getElementById('torch');
const say = document.getElementById('scan-say');
const EVERY_MS = 160;
const GONE_MS = 2500; // a code counts again only after it was out of sight for so long
const REST_MS = 90000; // a forgotten camera eats the battery

let stream = null;
let last = { text: '', at: 0 };
let active = 0;
let reader = null;

function loadReader() {
  reader ??= new Promise((done, failed) => {
    const script = document.createElement('script');
    script.src = box.dataset.jsqr;
    script.onload = () => done(globalThis.jsQR);
    script.onerror = failed;
    document.head.append(script);
  });
  return reader;
}

async function open() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment', width: { ideal: 1280 } } });
  } catch (error) {
    say.textContent = error.name === 'NotAllowedError' ? box.dataset.denied : box.dataset.none;
    return;
  }
  video.srcObject = stream;
  video.hidden = false;
  start.hidden = true;
  say.textContent = box.dataset.looking;
  active = Date.now();
  const light = stream.getVideoTracks()[0].getCapabilities?.().torch;
  if (torch) torch.hidden = !light;
  await Promise.all([video.play(), loadReader()]);
  look();
}

function close(words) {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  video.hidden = true;
  start.hidden = false;
  if (torch) torch.hidden = true;
  torch?.setAttribute('aria-pressed', 'false');
  if (words) say.textContent = words;
}

const canvas = document.createElement('canvas');
const pen = canvas.getContext('2d', { willReadFrequently: true });

function look() {
  if (!stream) return;
  if (Date.now() - active > REST_MS) { close(box.dataset.off); return; }
  if (video.videoWidth) {
    const scale = Math.min(1, 720 / video.videoWidth);
    canvas.width = video.videoWidth * scale;
    canvas.height = video.videoHeight * scale;
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    const pixels = pen.getImageData(0, 0, canvas.width, canvas.height);
    const found = globalThis.jsQR(pixels.data, canvas.width, canvas.height, { inversionAttempts: 'dontInvert' });
    if (found?.data) seen(found.data);
  }
  setTimeout(look, EVERY_MS);
}

function seen(text) {
  const again = text === last.text && Date.now() - last.at < GONE_MS;
  last = { text, at: Date.now() };
  const form = document.getElementById('typing'); // not there while something waits for its confirmation
  if (again || !form) return;
  active = Date.now();
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(60); // a page nobody touched may not
  form.elements.code.value = text;
  form.requestSubmit();
}

torch?.addEventListener('click', async () => {
  const on = torch.getAttribute('aria-pressed') !== 'true';
  await stream?.getVideoTracks()[0].applyConstraints({ advanced: [{ torch: on }] });
  torch.setAttribute('aria-pressed', String(on));
});
start.addEventListener('click', open);
document.addEventListener('visibilitychange', () => { if (document.hidden && stream) close(box.dataset.off); });
// A decision is what the person does next: bring it into sight and under the keyboard.
document.addEventListener('htmx:afterSettle', (event) => {
  if (event.target.id !== 'answer') return;
  active = Date.now();
  document.querySelector('#sheet [autofocus]')?.focus({ preventScroll: true });
  document.getElementById('verdict')?.scrollIntoView({ block: 'nearest' });
});

if (navigator.mediaDevices?.getUserMedia) {
  start.hidden = false;
  const asked = await navigator.permissions?.query({ name: 'camera' }).catch(() => null);
  if (asked?.state === 'granted') open();
}
