// Registers the service worker once the page is drawn. Without it everything works, only not without network.

if ("serviceWorker" in navigator) {
  window.addEventListener("load", () => navigator.serviceWorker.register("/sw.js").catch(() => {}));
}
