// 随手拍: puts the parts of the form together. Without this file the form is a plain one and works.
//
// What the rider typed and took is kept on the phone until the server gave a number (drafts.js); every try carries the
// same key (send.js). All texts come from the page, so that they are translated.

import { draftsOf, dropDraft, newKey, saveDraft, unfinished, waiting } from "./drafts.js";
import { keepSending, sendWithRetry } from "./send.js";
import { Clip } from "./clip.js";
import { Classes } from "./classes.js";
import { Photos } from "./photos.js";
import { Place } from "./place.js";
import { Secrecy } from "./secrecy.js";
import { Seen } from "./seen.js";

const SAVE_AFTER_MS = 400;
const form = document.querySelector("form[data-snap]");
const texts = Object.fromEntries([...document.querySelector("#snap-words").content.querySelectorAll("[data-k]")].map((one) => [one.dataset.k, one.textContent.trim()]));
const say = (name, values = {}) => (texts[name] || name).replace(/\{(\w+)\}/g, (_, key) => values[key]);
const at = (selector) => document.querySelector(selector);

const context = {
  url: form.action,
  token: form.elements.csrfmiddlewaretoken.value,
  owner: form.dataset.owner,
  anonymousUrl: form.dataset.anonymousUrl,
  pass: form.dataset.pass,
  uploadsUrl: form.dataset.uploadsUrl,
};
const button = at("[data-submit]");
const onsite = form.elements.onsite;
let key = form.elements.client_key.value || newKey();
let sending = false;
let saveTimer;

const photos = new Photos(at("[data-photos]"), {
  inputs: form.querySelectorAll("input.qx-file:not(#film)"),
  say,
  maxBytes: Number(form.dataset.maxBytes),
  onChange: changed,
  onExif: (claimed) => place.offerPhoto(claimed),
  onError: (text) => fieldError("photos", text),
});
const clip = new Clip(at("[data-clip]"), {
  say,
  maxBytes: Number(form.dataset.maxClipBytes),
  onChange: changed,
  onError: (text) => fieldError("clip", text),
});
const place = new Place(at("[data-place]"), say, changed);
const classes = new Classes(at("[data-classes]"), at("#classes"), changed);
const secrecy = new Secrecy(at("[data-secrecy]"), changed);
const seen = new Seen(at("[data-seen]"), form, {
  // An anonymous one asks nobody: the question would say where the phone is.
  allowed: () => !secrecy.isAnonymous && !sending,
  onSupported: () => dropDraft(key),
  onError: (text) => fieldError("form", text, true),
  say,
});

// ── the draft ─────────────────────────────────────────────────────────────
function draft(state) {
  const fields = {};
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && !["csrfmiddlewaretoken", "client_key"].includes(name)) fields[name] = value;
  }
  const about = { cls_name: classes.chosen?.name || "", anonymous: secrecy.ticket, tried: secrecy.tried };
  return { key, owner: context.owner, state, fields, photos: photos.items, clip: clip.item, ...about };
}

function changed() {
  update();
  seen.ask();
  clearTimeout(saveTimer);
  saveTimer = setTimeout(save, SAVE_AFTER_MS);
}

async function save() {
  clearTimeout(saveTimer);
  if (sending) return;
  const now = draft("editing");
  if (!now.photos.length && !now.clip && !now.fields.words) return void dropDraft(key);
  at("[data-saved]").hidden = !(await saveDraft(now));
}

async function restore() {
  const kept = await unfinished(context.owner);
  if (!kept) return false;
  key = kept.key;
  for (const [name, value] of Object.entries(kept.fields)) {
    const field = form.elements[name];
    if (field && field.type !== "checkbox" && !["cls", "secrecy"].includes(name)) field.value = value;
  }
  onsite.checked = kept.fields.onsite !== undefined;
  if (form.elements.hide_name.type === "checkbox") form.elements.hide_name.checked = kept.fields.hide_name !== undefined;
  secrecy.restore(kept);
  if (kept.fields.cls) classes.choose(kept.fields.cls, kept.cls_name);
  await photos.restore(kept.photos);
  await clip.restore(kept.clip);
  if (place.known) place.describe();
  at("[data-restored]").hidden = false;
  update();
  if (kept.problem) refused(kept.problem);
  return true;
}

function startOver() {
  key = newKey();
  form.reset();
  photos.clear();
  clip.clear();
  classes.clear();
  secrecy.clear();
  for (const field of Object.values(place.fields)) field.value = "";
  at("[data-restored]").hidden = true;
  at("[data-saved]").hidden = true;
  clearErrors();
  update();
  place.locate();
}

// ── what is missing, what the button says ─────────────────────────────────
function missing() {
  if (!photos.count(false) && !clip.item) return "photo";
  if (clip.item && secrecy.isAnonymous) return "no-clip";
  if (onsite.checked && !photos.count(true)) return "after";
  if (!place.known && !place.root.hasAttribute("aria-busy")) return "place";
  return "";
}

function update() {
  const lack = missing();
  at("[data-photo-sum]").textContent = photos.summary || say("photos-none");
  photos.root.dataset.count = photos.items.length;
  for (const part of document.querySelectorAll("[data-when]")) {
    const state = photos.items.length + photos.busy ? "some" : "none";
    part.hidden = part.dataset.when === "after" ? !onsite.checked : part.dataset.when !== state;
  }
  if (sending) return;
  const online = navigator.onLine;
  button.querySelector("[data-label]").textContent = say(lack ? `lack-${lack}` : online ? "submit" : "submit-offline");
  button.dataset.lack = lack;
}

function repairLack(lack) {
  if (lack === "no-clip") return fieldError("clip", say("clip-names"), true);
  if (lack === "photo") at("#shoot").click();
  else if (lack === "after") at("#shoot-after").click();
  else place.openMap();
  return undefined;
}

// ── sending ───────────────────────────────────────────────────────────────
async function submit(event) {
  event.preventDefault();
  if (sending || photos.busy || clip.busy) return;
  clearErrors();
  setSending(true);
  button.querySelector("[data-label]").textContent = say("sending");
  await place.found;
  const lack = missing();
  if (lack) {
    setSending(false);
    return void repairLack(lack);
  }
  if (secrecy.isAnonymous && !(await photos.cleanAll())) {
    setSending(false);
    return void fieldError("photos", say("photo-not-clean"), true);
  }
  const now = draft("editing");
  try {
    if (!navigator.onLine) return void (await keepForLater(now));
    const answer = await sendWithRetry(now, context, progress);
    window.location.assign(answer.location);
  } catch (error) {
    setSending(false);
    if (error.kind === "network") await keepForLater(now);
    else if (error.kind === "signed-out") signedOut();
    else if (error.kind === "no-room") fieldError("secrecy", say("no-claim"), true);
    else refused(error.problem);
  }
}

function setSending(is) {
  sending = is;
  button.toggleAttribute("aria-busy", is);
  at("[data-progress]").hidden = !is;
  if (!is) update();
}

function progress({ sent, total, retryIn }) {
  const bar = at("[data-progress] progress");
  if (total) bar.value = Math.round((100 * sent) / total);
  else if (!retryIn) bar.removeAttribute("value"); // an anonymous one can't tell how much has gone up
  button.querySelector("[data-label]").textContent = retryIn ? say("retry", { s: retryIn }) : say(total && sent === total ? "almost" : "sending");
}

async function keepForLater(now) {
  setSending(false);
  if (!(await saveDraft({ ...now, state: "queued" }))) {
    secrecy.lock(now.tried || "");
    return fieldError("form", say("no-room"));
  }
  startOver();
  await showQueue();
  at("[data-queued]").hidden = false;
  at("[data-queued]").focus();
  flush();
  return undefined;
}

function signedOut() {
  const box = at("[data-signed-out]");
  box.hidden = false;
  box.querySelector("a").focus();
}

function refused(problem) {
  if (problem.code === "key_reused") {
    dropDraft(key);
    at("[data-already]").hidden = false;
    return void at("[data-already]").focus();
  }
  const field = at(`#err-${problem.field}`) ? problem.field : "form";
  return fieldError(field, problem.detail || say("failed"), true);
}

function fieldError(field, text, moveFocus = false) {
  const box = at(`#err-${field}`);
  box.querySelector("[data-text]").textContent = text;
  box.hidden = !text;
  if (!text || !moveFocus) return;
  const target = [at(`[data-field=${field}]`), box].find((one) => one?.offsetParent) || box; // not one that is hidden
  target.focus();
  target.scrollIntoView({ block: "center" });
}

function clearErrors() {
  for (const box of document.querySelectorAll("[id^=err-]")) box.hidden = true;
  for (const box of document.querySelectorAll("[data-signed-out], [data-queued], [data-already]")) box.hidden = true;
}

// ── the queue ─────────────────────────────────────────────────────────────
async function showQueue() {
  const queued = await waiting(context.owner);
  at("[data-queue]").hidden = !queued.length;
  at("[data-queue-count]").textContent = queued.length;
  // the banner itself belongs to every rider page; here it can say how many wait
  if (queued.length) at("#qx-offline [data-offline-note]").textContent = say("offline-queue", { n: queued.length });
  const list = at("[data-queue] ul");
  list.replaceChildren(...queued.map(queueRow));
}

function queueRow(one) {
  const row = at("[data-queue] template").content.cloneNode(true);
  const time = new Date(one.saved_at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  row.querySelector("[data-what]").textContent = one.cls_name || one.fields.words || say("queue-untitled");
  row.querySelector("[data-hidden]").hidden = one.fields.secrecy !== "anonymous";
  row.querySelector("[data-about]").textContent = say("queue-row", { time, n: one.photos.length });
  return row;
}

async function flush() {
  if ((await waiting(context.owner)).length) await keepSending(context, sent, afterTurn);
}

async function afterTurn() {
  await showQueue();
  at("[data-blocked]").hidden = !(await draftsOf(context.owner)).some((one) => one.state === "blocked" && one.key !== key);
}

function sent(answer) {
  const box = at("[data-sent]");
  box.hidden = false;
  at("[data-queued]").hidden = true;
  const link = box.querySelector("a");
  link.href = answer.location;
  link.textContent = answer.number;
}

// ── start ─────────────────────────────────────────────────────────────────
form.addEventListener("submit", submit);
form.addEventListener("input", changed);
button.addEventListener("click", (event) => {
  if (!button.dataset.lack || sending) return;
  event.preventDefault();
  repairLack(button.dataset.lack);
});
onsite.addEventListener("change", changed);
at("[data-start-over]").addEventListener("click", async () => {
  await dropDraft(key);
  startOver();
});
document.addEventListener("visibilitychange", () => document.hidden && save());
window.addEventListener("online", () => showQueue().then(flush).then(update));
window.addEventListener("offline", () => showQueue().then(update));
at("[data-send-now]").addEventListener("click", flush);

form.noValidate = true;
form.dataset.ready = "1";
update();
await restore();
if (!place.known) place.locate();
await showQueue();
await flush();
