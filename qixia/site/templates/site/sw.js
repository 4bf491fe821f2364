// The service worker of the rider's pages. Made by qixia.site.pwa; `{{ version }}` changes with every release.
//
// Static files: from the cache if they are there, fresh ones are kept. Pages: from the network; without it the form for
// 随手拍 and the empty frame of 我的匿名上报, a rider's vouchers with the codes of their next hours, the till of a shop (all kept from the last visit),
// or the page that says so. Pictures, pieces of pages and API answers are never kept.
// Kept pages and pushes go when somebody signs out, the pages also where a session ended by itself and the next sign-in begins:
// whoever holds the phone next reads nothing of the former one's.
// A new release asks anew for the pages that this phone keeps, so that they are there without network before they are opened again.
// Drafts are not here: they are in IndexedDB and belong to a person.

const STATIC = "qx-static-{{ version }}";
const PAGES = "qx-pages-{{ version }}";
const SHELL = {{ shell|safe }};
const OFFLINE = "{{ offline }}";
const KEPT_PAGES = {{ kept|safe }};
const VOUCHERS = "{{ vouchers }}"; // the list; one of them below it, and its codes below that
const TILL = "{{ till }}";
const SIGN_INS = {{ sign_ins|safe }};
const TILL_FILES = {{ till_files|safe }};
const PATIENCE_MS = 8000;
const CARRY_MS = 4000; // pages wait for the new worker meanwhile

self.addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

// A file that is missing must not keep the rest from working.
async function fill() {
  const cache = await caches.open(STATIC);
  await Promise.allSettled(SHELL.map((address) => cache.add(new Request(address, { cache: "reload" }))));
}

self.addEventListener("activate", (event) => {
  event.waitUntil(carryOver().catch(() => {}).then(dropOld).then(() => self.clients.claim()));
});

async function dropOld() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("qx-") && ![STATIC, PAGES].includes(name)).map((name) => caches.delete(name)));
}

// What the worker before this one kept. No old worker runs any more, and pages wait: nobody signs out in between.
async function carryOver() {
  const before = (await caches.keys()).filter((name) => name.startsWith("qx-pages-") && name !== PAGES);
  for (const name of before) {
    const old = await caches.open(name);
    const paths = (await old.keys()).map((request) => new URL(request.url).pathname);
    const came = await Promise.all(paths.map((path) => renew(path, old)));
    if (paths.includes(TILL)) await carryTill();
    if (came.includes("away")) return void (await dropPages());
    if (came.includes("old")) await carryFiles();
  }
}

// A kept page as it is now, with its files; without network, or while the server restarts, as it was.
async function renew(path, old) {
  const cache = await caches.open(PAGES);
  try {
    const fresh = await withPatience(fetch(path), true, CARRY_MS);
    if (fresh.status >= 500) throw new Error("no answer");
    if (fresh.redirected) return asksWho(fresh) ? "away" : "gone";
    if (!fresh.ok) return "gone";
    if (path.endsWith("/codes")) await cache.put(path, await stamped(fresh));
    else await Promise.all([cache.put(path, fresh.clone()), carryLinks(await fresh.text())]);
    return "new";
  } catch {
    const kept = await old.match(path);
    if (kept && !(await cache.match(path))) await cache.put(path, kept);
    return "old";
  }
}

async function carryLinks(text) {
  const files = new Set(text.match(/(?<=(?:href|src)=")\/static\/[^"#?]+/g) ?? []);
  await addMissing([...files]);
}

// An old page draws itself with the files of its time.
async function carryFiles() {
  const cache = await caches.open(STATIC);
  const before = (await caches.keys()).filter((name) => name.startsWith("qx-static-") && name !== STATIC);
  for (const name of before) {
    const old = await caches.open(name);
    for (const request of await old.keys()) if (!(await cache.match(request))) await cache.put(request, await old.match(request));
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (address.origin !== self.location.origin) return;
  if (request.method === "POST" && /^\/(sign-out|staff\/sign-out)/.test(address.pathname)) event.waitUntil(leave());
  if (request.method === "POST" && isSignIn(address.pathname)) event.waitUntil(dropPages());
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
    if (isSignIn(address.pathname) && fresh.ok) await dropPages(); // also where a page sent the browser here
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
  await addMissing(TILL_FILES);
}

async function addMissing(files) {
  const cache = await caches.open(STATIC);
  await Promise.allSettled(files.map(async (file) => (await cache.match(file)) || cache.add(file)));
}

// The codes that a voucher shows from now on. With the time on this phone's clock when they came, so that the page can tell the
// server's time later.
async function codes(request, address) {
  const cache = await caches.open(PAGES);
  try {
    const fresh = await withPatience(fetch(request), true);
    if (!fresh.ok || fresh.redirected) {
      if (asksWho(fresh)) await dropPages();
      else if (fresh.status < 500) await forget(address.pathname);
      return fresh;
    }
    await cache.put(address.pathname, await stamped(fresh));
    return fresh;
  } catch {
    return (await cache.match(address.pathname)) || Response.error();
  }
}

async function stamped(fresh) {
  const headers = new Headers(fresh.headers);
  headers.set("x-qixia-kept", String(Date.now()));
  return new Response(await fresh.clone().blob(), { headers });
}

function isSignIn(path) {
  return SIGN_INS.some((one) => path === one || path.startsWith(`${one}/`));
}

// The session ended by itself: this phone is nobody's now.
function asksWho(fresh) {
  return fresh.redirected && isSignIn(new URL(fresh.url).pathname);
}

// Of every release: a worker that is being replaced may have kept some under another name.
async function dropPages() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("qx-pages-")).map((name) => caches.delete(name)));
}

async function forget(path) {
  const cache = await caches.open(PAGES);
  await Promise.all([cache.delete(path), cache.delete(path.endsWith("/codes") ? path.slice(0, -6) : `${path}/codes`)]);
}

// In a lift the network neither answers nor fails. Only a page that can be had otherwise gives up early.
function withPatience(answer, hasOther, patience = PATIENCE_MS) {
  if (!hasOther) return answer;
  return Promise.race([answer, new Promise((_, fail) => setTimeout(() => fail(new Error("late")), patience))]);
}

// Somebody signs out. Without network too: this phone is quiet, whatever the server knows.
async function leave() {
  await Promise.allSettled([dropPages(), unsubscribe(), clearScreen()]);
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
