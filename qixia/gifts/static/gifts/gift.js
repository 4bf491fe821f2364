// A larger QR code for a scanner that has trouble, and a screen that stays on while it is shown.
const button = document.getElementById('bright');
const code = document.getElementById('qr');
let lock = null;

button?.addEventListener('click', async () => {
  const on = button.getAttribute('aria-pressed') !== 'true';
  button.setAttribute('aria-pressed', String(on));
  code.classList.toggle('is-large', on);
  if (on) lock = await navigator.wakeLock?.request('screen').catch(() => null);
  else await lock?.release();
});
