// The service worker of the rider's pages. Made by qixia.site.pwa; `{{ version }}` changes with every release.
//
// Static files: from the cache if they are there, fresh ones are kept. Pages: from the network; without it the form for
// 随手拍 and the empty frame of 我的匿名上报, a rider's vouchers with the codes of their next hours, the till of a shop (all kept from the last visit),
// or the page that says so. Pictures, pieces of pages and API answers are never kept.
// Kept pages and pushes go when somebody signs out: whoever holds the phone next reads nothing of the former one's.
// Drafts are not here: they are in IndexedDB and belong to a person.

const STATIC = "qx-static-{{ version }}";
const PAGES = "qx-pages-{{ version }}";
const SHELL = {{ shell|safe }};
const OFFLINE = "{{ offline }}";
const KEPT_PAGES = {{ kept|safe }};
const VOUCHERS = "{{ vouchers }}"; // the list; one of them below it, and its codes below that
const TILL = "{{ till }}";
const TILL_FILES = {{ till_files|safe }};
const PATIENCE_MS = 8000;

self.addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

// A file that is missing must not keep the rest from working.
async function fill() {
  const cache = await caches.open(STATIC);
  await Promise.allSettled(SHELL.map((address) => cache.add(new Request(address, { cache: "reload" }))));
}

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOld().then(() => self.clients.claim()));
});

async function dropOld() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("qx-") && ![STATIC, PAGES].includes(name)).map((name) => caches.delete(name)));
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (address.origin !== self.location.origin) return;
  if (request.method === "POST" && /^\/(sign-out|staff\/sign-out)/.test(address.pathname)) event.waitUntil(leave());
  if (request.method !== "GET") return;
  if (address.pathname.startsWith("/static/")) event.respondWith(staticFile(request, address));
  else if (request.mode === "navigate") event.respondWith(page(request, address, event));
  else if (isOfVouchers(address.pathname, ["codes"])) event.respondWith(codes(request, address));
});

// A name with a content hash never changes. One without is asked for anew and kept for the time without network.
async function staticFile(request, address) {
  const cache = await caches.open(STATIC);
  const kept = await cache.match(request);
  if (kept && /\.[0-9a-f]{12}\./.test(address.pathname)) return kept;
  try {
    const fresh = await fetch(request);
    if (fresh.ok) await cache.put(request, fresh.clone());
    return fresh;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

// Below the list: a public id, and then what `rest` says.
function isOfVouchers(path, rest) {
  const [id, ...below] = path.slice(VOUCHERS.length + 1).split("/");
  return path.startsWith(`${VOUCHERS}/`) && /^[0-9a-z]{26}$/.test(id) && below.join("/") === rest.join("/");
}

async function page(request, address, event) {
  const isVoucher = address.pathname === VOUCHERS || isOfVouchers(address.pathname, []);
  const isTill = address.pathname === TILL;
  const keep = isVoucher || isTill || KEPT_PAGES.includes(address.pathname);
  try {
    const fresh = await withPatience(fetch(request), keep);
    if (keep && fresh.ok && !fresh.redirected) await (await caches.open(PAGES)).put(address.pathname, fresh.clone());
    else if ((isVoucher || isTill) && fresh.status < 500) await forget(address.pathname); // signed out elsewhere, or not theirs
    if (isTill && fresh.ok && !fresh.redirected) event.waitUntil(carryTill());
    return fresh;
  } catch {
    const kept = keep && (await (await caches.open(PAGES)).match(address.pathname));
    return kept || (await caches.match(OFFLINE)) || Response.error();
  }
}

// Whoever opens the till carries its scripts from then on. One that is missing must not keep the others from coming.
async function carryTill() {
  const cache = await caches.open(STATIC);
  await Promise.allSettled(TILL_FILES.map(async (file) => (await cache.match(file)) || cache.add(file)));
}

// The codes that a voucher shows from now on. With the time on this phone's clock when they came, so that the page can tell the
// server's time later.
async function codes(request, address) {
  const cache = await caches.open(PAGES);
  try {
    const fresh = await withPatience(fetch(request), true);
    if (!fresh.ok || fresh.redirected) {
      if (fresh.status < 500) await forget(address.pathname);
      return fresh;
    }
    const headers = new Headers(fresh.headers);
    headers.set("x-qixia-kept", String(Date.now()));
    await cache.put(address.pathname, new Response(await fresh.clone().blob(), { headers }));
    return fresh;
  } catch {
    return (await cache.match(address.pathname)) || Response.error();
  }
}

async function forget(path) {
  const cache = await caches.open(PAGES);
  await Promise.all([cache.delete(path), cache.delete(path.endsWith("/codes") ? path.slice(0, -6) : `${path}/codes`)]);
}

// In a lift the network neither answers nor fails. Only a page that can be had otherwise gives up early.
function withPatience(answer, hasOther) {
  if (!hasOther) return answer;
  return Promise.race([answer, new Promise((_, fail) => setTimeout(() => fail(new Error("late")), PATIENCE_MS))]);
}

// Somebody signs out. Without network too: this phone is quiet, whatever the server knows.
async function leave() {
  await Promise.allSettled([caches.delete(PAGES), unsubscribe(), clearScreen()]);
}

async function unsubscribe() {
  const present = await self.registration.pushManager?.getSubscription();
  await present?.unsubscribe();
}

async function clearScreen() {
  for (const shown of await self.registration.getNotifications()) shown.close();
}

// A push says that there is news, not what: others see the lock screen. The same message again replaces the first.
self.addEventListener("push", (event) => {
  let said = {};
  try {
    said = event.data.json();
  } catch {
    // Not ours, or empty; the browser wants something to be shown all the same.
  }
  const shown = { body: said.body ?? "", tag: said.id ?? "qixia", data: { url: said.url ?? "/" }, icon: "{{ icon }}" };
  event.waitUntil(self.registration.showNotification(said.title ?? "骑侠", shown));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.url));
});

// Only pages of our own: the window that is open already, or a new one.
async function open(path) {
  const address = new URL(path ?? "/", self.location.origin);
  if (address.origin !== self.location.origin) return;
  const windows = await self.clients.matchAll({ type: "window" });
  if (!windows.length) return void (await self.clients.openWindow(address.href));
  await windows[0].focus().catch(() => {}); // a browser that won't raise it still shows the page
  await windows[0].navigate(address.href);
}
