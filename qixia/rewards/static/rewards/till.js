// The page of the till on a bad network: what its forms do without one, what waits on this phone, and how it gets there.
//
// With network the forms go to the server as ever. Without, or when it does not answer in time, the same scan is judged
// here and taken on this phone. What is shown as taken here is never called booked.

import { canSign, makeKey } from "./till-key.js";
import { keptOf, Sender } from "./till-send.js";
import { forgetOld, isUnsent, Refused, savePhone, scansOf, sumOf } from "./till-store.js";
import { look, nowOf, phoneOf, rememberOnline, takeOffline, worth, yuan } from "./till-take.js";

const PATIENCE_MS = 8000;
const root = document.getElementById("till");
const answer = document.getElementById("answer");
const page = document.getElementById("main");
const kit = JSON.parse(root.dataset.kit);
const { enrolUrl, checkUrl, redeemUrl, tillUrl, scansUrl, renewUrl } = root.dataset;
const meta = document.querySelector("meta[name=csrf-token]");
const server = { scansUrl, renewUrl, tillUrl, get token() { return meta.content; }, set token(value) { meta.content = value; } };

let phone;
let found; // the voucher on the sheet, when it was judged here
let scans = [];

// ── forms ─────────────────────────────────────────────────────────────────────
const pathOf = (form) => new URL(form.action, location.href).pathname;
const isTill = (form) => form?.tagName === "FORM" && [checkUrl, redeemUrl].includes(pathOf(form));

document.addEventListener("htmx:configRequest", (event) => {
  if (isTill(event.detail.elt)) event.detail.timeout = PATIENCE_MS;
});
page.addEventListener("htmx:beforeRequest", (event) => {
  if (navigator.onLine || !isTill(event.detail.elt)) return;
  event.preventDefault();
  event.stopPropagation(); // nothing is on its way
  withoutNetwork(event.detail.elt);
});
for (const name of ["htmx:sendError", "htmx:timeout"]) {
  page.addEventListener(name, (event) => {
    if (!isTill(event.detail.elt)) return;
    event.stopPropagation();
    withoutNetwork(event.detail.elt);
  });
}
page.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.requestConfig?.elt; // the answer has replaced it, so the event comes from elsewhere
  if (!isTill(form)) return;
  if (event.detail.successful && pathOf(form) === redeemUrl) {
    const { code, redeem_key: key } = form.elements;
    rememberOnline(code.value, unitsOf(form), key.value, kit, phone).catch(() => {});
  }
  if (event.detail.successful && scans.some(isUnsent)) sender.flush(); // there is network after all
});

// What the confirmation says it takes: times, or 分. Not said: all that is left.
const unitsOf = (form) => Math.round(Number(form.elements.yuan?.value) * 100) || Number(form.elements.units?.value) || 0;

async function withoutNetwork(form) {
  try {
    const seen = await look(form.elements.code.value.trim(), kit, phone);
    if (pathOf(form) === checkUrl) return offer(seen);
    return await take(seen, unitsOf(form) || seen.left, form.elements.redeem_key.value);
  } catch (error) {
    return refuse(error);
  }
}

async function take(seen, units, key) {
  const made = await takeOffline(seen, units, key, phone);
  found = undefined;
  draw("till-done", { name: made.name, tail: made.tail, value: made.fen ? yuan(made.fen) : "" });
  await show();
  sender.flush();
}

// ── the sheet, drawn here ─────────────────────────────────────────────────────
function draw(name, slots) {
  const sheet = document.getElementById(name).content.firstElementChild.cloneNode(true);
  for (const node of sheet.querySelectorAll("[data-slot]")) {
    const value = slots[node.dataset.slot];
    if (value) node.textContent = value;
    else (node.closest("[data-if]") ?? node).remove();
  }
  answer.replaceChildren(sheet);
  globalThis.htmx?.process(answer);
  sheet.querySelector("[autofocus]")?.focus({ preventScroll: true });
  document.getElementById("verdict")?.scrollIntoView({ block: "nearest" });
  return sheet;
}

function offer(seen) {
  found = { ...seen, confirmKey: newKey() };
  const asks = seen.byAmount || seen.total > 1;
  const sheet = draw("till-found", { name: seen.name, number: seen.number, value: asks ? "" : yuan(worth(seen, seen.left)) });
  const box = sheet.querySelector("[data-units]");
  box.hidden = !asks;
  const input = box.querySelector("input");
  input.max = seen.byAmount ? seen.left / 100 : seen.left;
  input.step = seen.byAmount ? "0.01" : "1";
  input.value = asks && !seen.byAmount ? "1" : "";
  input.required = asks;
  box.querySelector("[data-left]").textContent = seen.byAmount ? `${yuan(seen.left)} ${box.dataset.yuan}` : `${seen.left} ${box.dataset.times}`;
  box.querySelector("[data-unit]").textContent = seen.byAmount ? box.dataset.yuan : box.dataset.times;
}

function refuse(error) {
  const reason = error instanceof Refused ? error.reason : "broken";
  const words = (kit.words[reason] ?? kit.words.broken).replace(/\{(\w+)\}/g, (whole, name) => error.words?.[name] ?? whole);
  found = undefined;
  const sheet = draw("till-refused", { words });
  if (reason === "typed") sheet.querySelector("[name=code]")?.focus();
}

answer.addEventListener("submit", async (event) => {
  if (event.target.id !== "till-take") return;
  event.preventDefault();
  event.stopPropagation();
  const seen = found;
  if (!seen) return;
  const said = Number(event.target.elements.units.value);
  const units = seen.byAmount ? Math.round(said * 100) : seen.total > 1 ? said : seen.left;
  found = undefined; // a second tap takes nothing
  await take(seen, units, seen.confirmKey).catch((error) => {
    refuse(error);
  });
}, true);
answer.addEventListener("click", (event) => {
  if (!event.target.closest("[data-till-no]")) return;
  found = undefined;
  draw("till-typing", {});
});

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// ── what waits, and what is left of the cap ───────────────────────────────────
async function show() {
  phone = await phoneOf(kit).catch(() => undefined);
  scans = phone ? await scansOf(phone.device).catch(() => []) : [];
  const unsent = sumOf(scans);
  const waits = root.querySelector("[data-when=waits]");
  waits.hidden = !unsent.count;
  waits.querySelector("[data-count]").textContent = unsent.count;
  waits.querySelector("[data-sum]").textContent = yuan(unsent.fen);
  const state = stateOf();
  for (const node of root.querySelectorAll("[data-phone]")) node.hidden = node.dataset.phone !== state;
  if (phone) showRoom(unsent);
  root.querySelector("[data-as-of]").hidden = navigator.onLine && !unsent.count; // then the list is old
  drawLines();
}

function stateOf() {
  if (!canSign()) return "unable";
  if (!phone) return "new";
  if (phone.revoked) return "revoked";
  return nowOf(phone) >= phone.limits.until * 1000 ? "ended" : "ready";
}

function showRoom(unsent) {
  const { unsent_fen: most, unsent_count: many, until } = phone.limits;
  root.querySelector("[data-room]").textContent = yuan(Math.max(most - unsent.fen, 0));
  root.querySelector("[data-room-count]").textContent = Math.max(many - unsent.count, 0);
  for (const node of root.querySelectorAll("[data-until]")) node.textContent = dayOf(until * 1000);
  for (const node of root.querySelectorAll("[data-label]")) node.textContent = phone.label;
}

const two = (number) => String(number).padStart(2, "0");
const dayOf = (ms) => { const at = new Date(ms); return `${two(at.getMonth() + 1)}-${two(at.getDate())}`; };
const hourOf = (ms) => { const at = new Date(ms); return `${two(at.getHours())}:${two(at.getMinutes())}`; };

// The day's list holds what the server knows; what waits here stands between its lines, by time. What the server kept
// nothing of, because it was not signed by this phone, is shown too.
function drawLines() {
  document.querySelectorAll("#day [data-unsent]").forEach((line) => line.remove());
  const waiting = scans.filter((scan) => isUnsent(scan) || ["forged", "reused"].includes(scan.reason));
  const empty = document.querySelector("#day [data-empty]"), list = document.querySelector("#day ol");
  list.hidden = !list.children.length && !waiting.length;
  if (empty) empty.hidden = waiting.length > 0;
  for (const scan of waiting) {
    const line = document.getElementById("till-line").content.firstElementChild.cloneNode(true);
    const value = scan.fen ? ` · ${yuan(scan.fen)} ${root.dataset.yuan}` : "";
    line.querySelector("[data-name]").textContent = `${scan.name}${value}`;
    const today = dayOf(scan.takenAt) === dayOf(Date.now());
    line.querySelector("[data-at]").textContent = today ? hourOf(scan.takenAt) : `${dayOf(scan.takenAt)} ${hourOf(scan.takenAt)}`;
    line.querySelector("[data-tail]").textContent = scan.tail;
    line.querySelector(isUnsent(scan) ? "[data-no]" : "[data-waiting]").remove();
    line.dataset.at = Math.floor(scan.takenAt / 1000);
    const before = [...list.children].find((other) => Number(other.dataset.at) <= Number(line.dataset.at));
    list.insertBefore(line, before ?? null);
  }
}

// A fresh page of the day, without disturbing the sheet.
async function refreshDay() {
  const response = await fetch(tillUrl, { headers: { "HX-Request": "true" }, cache: "no-store" }).catch(() => null);
  if (!response?.ok || response.redirected) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("day");
  if (!fresh) return;
  fresh.removeAttribute("hx-swap-oob");
  document.getElementById("day").replaceWith(document.adoptNode(fresh));
  drawnAt(Date.now());
}

// ── sending ───────────────────────────────────────────────────────────────────
let hadUnsent = false;
const sender = new Sender(server, async (state) => {
  const line = root.querySelector("[data-send-state]");
  line.textContent = root.dataset[{ sending: "sending", waits: "waits", "signed-out": "signedOut", "other-shop": "otherShop", late: "late" }[state]] ?? "";
  root.querySelector("[data-sign-in]").hidden = state !== "signed-out";
  if (state === "sending") hadUnsent = true;
  if (state === "done" && hadUnsent) {
    hadUnsent = false;
    await refreshDay();
  }
  if (state !== "sending") await show();
});
root.querySelector("[data-send]").addEventListener("click", () => sender.flush());
window.addEventListener("online", () => sender.flush());
window.addEventListener("offline", () => show());
document.addEventListener("visibilitychange", () => { if (!document.hidden && scans.some(isUnsent)) sender.flush(); });
document.addEventListener("htmx:oobAfterSwap", (event) => { if (event.detail.target?.id === "day" || event.target.id === "day") drawLines(); });

// ── registering this phone ────────────────────────────────────────────────────
document.getElementById("enrol")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  const form = event.target, button = form.querySelector("button"), say = form.querySelector("[data-say]");
  button.disabled = true;
  say.textContent = "";
  try {
    const pair = await makeKey();
    const body = { shop: form.elements.shop.value, label: form.elements.label.value, public_key: pair.publicKey };
    const given = await sender.ask(enrolUrl, body);
    await savePhone({ ...keptOf(given), key: pair.key, seq: 0, offset: given.now - Date.now(), renewedAt: given.now });
    navigator.storage?.persist?.().catch(() => {}); // a full phone should not throw the key away
  } catch (error) {
    say.textContent = error.detail || (error.kind === "waits" ? root.dataset.waits : kit.words.store);
  }
  button.disabled = false;
  await show();
}, true);

const drawnAt = (ms) => { root.querySelector("[data-drawn]").textContent = `${dayOf(ms)} ${hourOf(ms)}`; };
drawnAt(kit.now);
await show();
if (phone) await forgetOld(phone.device, nowOf(phone)).catch(() => {});
root.dataset.ready = "1";
sender.flush();
