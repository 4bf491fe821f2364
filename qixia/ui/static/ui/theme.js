// Light or dark, before anything is drawn: a small classic script in <head>, so that a dark page never flashes white.
// The choice ("light" or "dark") lives in this browser; without one the device decides.
(() => {
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const chosen = () => {
    try {
      return localStorage.getItem('qx-theme');
    } catch {
      return null; // storage is closed in some embedded browsers
    }
  };
  const apply = () => {
    const theme = chosen() || (dark.matches ? 'dark' : 'light');
    root.setAttribute('data-bs-theme', theme);
    root.setAttribute('data-theme', theme); // Django's admin reads this one
    const colour = document.querySelector('meta[name="theme-color"]');
    if (colour) colour.content = theme === 'dark' ? '#101614' : '#f5f2eb';
    document.querySelectorAll('[data-theme-set]').forEach((button) => {
      button.setAttribute('aria-pressed', String(button.dataset.themeSet === (chosen() || 'auto')));
    });
  };
  const choose = (theme) => {
    try {
      if (theme === 'auto') localStorage.removeItem('qx-theme');
      else localStorage.setItem('qx-theme', theme);
    } catch {
      // then it lasts as long as the page
    }
    apply();
  };
  apply();
  if (dark.addEventListener) dark.addEventListener('change', apply);
  document.addEventListener('DOMContentLoaded', apply);
  document.addEventListener('click', (event) => {
    const set = event.target.closest('[data-theme-set]');
    if (set) choose(set.dataset.themeSet);
    if (event.target.closest('[data-theme-toggle]')) choose(root.dataset.bsTheme === 'dark' ? 'light' : 'dark');
  });
})();
