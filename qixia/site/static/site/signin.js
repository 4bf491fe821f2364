// Sign-in without a page in between: the countdown until another code, and filling in a demonstration's code.
// The pages work without it: the server says how long to wait.
const running = new WeakSet();

function count(button) {
  if (running.has(button)) return;
  running.add(button);
  const shown = button.querySelector('[data-left]');
  const until = Date.now() + Number(button.dataset.wait) * 1000;
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    button.disabled = left > 0;
    shown.hidden = left <= 0;
    shown.querySelector('[data-seconds]').textContent = Math.max(left, 0);
    if (left > 0 && button.isConnected) setTimeout(tick, 250);
  };
  tick();
}

function start() {
  document.querySelectorAll('button[data-wait]').forEach(count);
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-fill]');
  if (!button) return;
  const field = document.querySelector(button.dataset.fill);
  field.value = document.querySelector(button.dataset.from).textContent.trim();
  field.focus();
});
document.addEventListener('htmx:load', start);
start();
