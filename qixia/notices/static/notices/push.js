// Turns pushes on and off for this browser. Without it, or without push, the inbox still gets everything.
// The page holds plain forms; this fills them with what the browser made and sends them.

const box = document.getElementById("push");
const supported = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

function show(state) {
  for (const part of box.querySelectorAll("[data-when]")) part.hidden = !part.dataset.when.split(" ").includes(state);
}

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  return btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

async function subscription() {
  const registration = await navigator.serviceWorker.register("/sw.js");
  return { registration, present: await registration.pushManager.getSubscription() };
}

// A browser that subscribed under an older key hears nothing signed with the new one.
function isOurs(present) {
  const key = present.options.applicationServerKey;
  return !key || text(key) === box.dataset.key;
}

function send(form, present) {
  const { endpoint, keys } = present.toJSON();
  const given = { endpoint, p256dh: keys.p256dh, auth: keys.auth };
  for (const [name, value] of Object.entries(given)) if (form.elements[name]) form.elements[name].value = value;
  form.submit();
}

async function turnOn() {
  show("busy");
  if ((await Notification.requestPermission()) !== "granted") return show("denied");
  await navigator.serviceWorker.register("/sw.js");
  const registration = await navigator.serviceWorker.ready;
  let present = await registration.pushManager.getSubscription();
  if (present && !isOurs(present)) {
    await present.unsubscribe();
    present = null;
  }
  present ??= await registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: bytes(box.dataset.key),
  });
  return send(document.getElementById("push-on"), present);
}

async function turnOff() {
  show("busy");
  const { present } = await subscription();
  if (!present) return show("off");
  await present.unsubscribe();
  return send(document.getElementById("push-off"), present);
}

async function start() {
  if (!supported) return show("none");
  if (Notification.permission === "denied") return show("denied");
  const { present } = await subscription();
  // Left over from whoever was signed in here before: the server sends nothing there any more.
  if (present && !("mine" in box.dataset)) {
    await present.unsubscribe();
    return show("off");
  }
  if (present && Notification.permission === "granted" && !isOurs(present)) return turnOn();
  return show(present ? "on" : "off");
}

if (box) {
  box.querySelector("[data-do=on]").addEventListener("click", () => turnOn().catch(() => show("failed")));
  box.querySelector("[data-do=off]").addEventListener("click", () => turnOff().catch(() => show("failed")));
  start().catch(() => show("none"));
}
