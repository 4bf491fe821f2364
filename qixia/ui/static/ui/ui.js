// What every page can do: toasts, progress, questions before risky acts, sheets, the offline banner, before/after.
// Pages work without it; it only listens, so pieces that htmx brings in later work too.
// Other scripts call for a toast with: document.dispatchEvent(new CustomEvent('qx:toast', {detail: {text, kind}})).
const byId = (id) => document.getElementById(id);
const words = byId('qx-words')?.dataset ?? {};
const live = (text) => { const box = byId('qx-live'); if (box) box.textContent = text; };

// ── toasts ────────────────────────────────────────────────────────────────────
function toast(text, kind = 'info') {
  const template = byId('qx-toast-template');
  if (!template) return;
  const node = template.content.firstElementChild.cloneNode(true);
  node.dataset.kind = kind;
  node.querySelector('[data-text]').textContent = text;
  byId('qx-toasts').append(node);
  expire(node);
}

// Bad news stays until it is closed.
function expire(node) {
  if (!/bad|error/.test(node.dataset.kind)) setTimeout(() => node.remove(), 8000);
}

document.addEventListener('qx:toast', (event) => toast(event.detail.text, event.detail.kind));
document.querySelectorAll('#qx-toasts > .qx-toast').forEach(expire);

// ── progress: whatever takes longer than a second shows a bar and says so ─────
let waiting = 0;
let timer = 0;

function begin() {
  waiting += 1;
  if (waiting === 1) {
    timer = setTimeout(() => {
      byId('qx-progress').hidden = false;
      live(words.busy);
    }, 1000);
  }
}

function end() {
  waiting = Math.max(0, waiting - 1);
  if (waiting) return;
  clearTimeout(timer);
  if (!byId('qx-progress').hidden) live(words.done);
  byId('qx-progress').hidden = true;
}

document.addEventListener('htmx:beforeRequest', begin);
document.addEventListener('htmx:afterRequest', end);
document.addEventListener('qx:busy', begin);
document.addEventListener('qx:idle', end);
document.addEventListener('htmx:sendError', () => toast(words.noNet, 'bad'));
document.addEventListener('htmx:timeout', () => toast(words.late, 'bad'));
document.addEventListener('htmx:configRequest', (event) => {
  const token = document.querySelector('meta[name="csrf-token"]');
  if (token) event.detail.headers['X-CSRFToken'] = token.content;
});

// A plain form that is sent: its button is busy and cannot be pressed twice; back in history it is fresh again.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === 'dialog') return;
  if (form.target || form.hasAttribute('data-download')) return; // this page stays, nothing would end the progress
  if (form.dataset.confirm && !form.dataset.sure) return;
  begin();
  event.submitter?.setAttribute('aria-busy', 'true');
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = '1';
});
addEventListener('pageshow', () => {
  waiting = 0;
  clearTimeout(timer);
  if (byId('qx-progress')) byId('qx-progress').hidden = true;
  document.querySelectorAll('form[data-sent]').forEach((form) => delete form.dataset.sent);
  document.querySelectorAll('[aria-busy="true"].btn').forEach((button) => button.removeAttribute('aria-busy'));
});

// ── questions: data-confirm on a form, a button or a link ─────────────────────
function ask(source) {
  const dialog = byId('qx-confirm');
  const { confirm: question, confirmText = '', confirmYes, confirmWarn } = source.dataset;
  if (!dialog.showModal) return Promise.resolve(window.confirm(`${question}\n${confirmText}`)); // Safari before 15.4
  const yes = dialog.querySelector('[data-yes]');
  yes.dataset.word ??= yes.textContent;
  dialog.querySelector('h2').textContent = question;
  dialog.querySelector('[data-text]').textContent = confirmText;
  yes.textContent = confirmYes || yes.dataset.word;
  yes.className = confirmWarn === undefined ? 'btn btn-primary' : 'btn btn-warn';
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener('close', () => done(dialog.returnValue === 'yes'), { once: true }));
}

document.addEventListener('submit', async (event) => {
  const form = event.target;
  const source = event.submitter?.dataset.confirm ? event.submitter : form;
  if (!source.dataset.confirm || source.dataset.sure) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const submitter = event.submitter;
  if (!(await ask(source))) return;
  source.dataset.sure = '1';
  form.requestSubmit(submitter);
  delete source.dataset.sure;
}, true);
document.addEventListener('htmx:confirm', (event) => {
  const source = event.target.closest('[data-confirm]');
  if (!source || source.tagName === 'FORM') return; // a form is asked above
  event.preventDefault();
  ask(source).then((sure) => sure && event.detail.issueRequest(true));
});

// ── dialogs, sheets, closing ──────────────────────────────────────────────────
document.addEventListener('click', (event) => {
  const opener = event.target.closest('[data-open]');
  const opened = opener && byId(opener.dataset.open);
  if (opened?.showModal) { event.preventDefault(); opened.showModal(); } // a link is the way without scripts
  const closer = event.target.closest('[data-close]');
  if (closer?.dataset.close === 'toast') closer.closest('.qx-toast').remove();
  if (closer?.dataset.close === 'dialog') closer.closest('dialog').close();
  if (event.target.matches?.('dialog.qx-bsheet, dialog.qx-dialog:not(#qx-confirm)')) event.target.close();
});

// ── before and after ──────────────────────────────────────────────────────────
// element.style is CSSOM: a strict CSP allows it.
document.addEventListener('input', (event) => {
  const box = event.target.closest?.('[data-compare]');
  if (box) box.style.setProperty('--pos', `${event.target.value}%`);
});

// ── network ───────────────────────────────────────────────────────────────────
function network() {
  const banner = byId('qx-offline');
  if (banner) banner.hidden = navigator.onLine;
}
addEventListener('online', network);
addEventListener('offline', network);
network();

// ── errors of a form: go there ────────────────────────────────────────────────
document.querySelector('[data-focus]')?.focus();

// ── chips in a row that is wider than the screen: the chosen one is in view ───
document.querySelectorAll('.qx-chips-scroll > [aria-current="true"]').forEach((chip) => {
  const [row, box] = [chip.parentElement, chip.getBoundingClientRect()];
  row.scrollLeft += box.left - row.getBoundingClientRect().left - (row.clientWidth - box.width) / 2;
});
