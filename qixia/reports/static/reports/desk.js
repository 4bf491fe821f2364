// The desk: filters that apply themselves, the live map beside the list, choosing a class with a key.

// ── filters ───────────────────────────────────────────────────────────────────
for (const form of document.querySelectorAll('form[data-autosubmit]')) {
  form.querySelector('button[type=submit]').hidden = true;
  form.addEventListener('change', () => form.requestSubmit());
}

// ── sorting: keys 1 and 2 choose the class of the form ────────────────────────
document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-choose-class]');
  if (!button) return;
  const select = document.querySelector('#sort-form [name=cls]');
  if (!select) return;
  select.value = button.dataset.chooseClass;
  document.querySelectorAll('[data-choose-class]').forEach((one) => one.classList.toggle('is-top', one === button));
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
