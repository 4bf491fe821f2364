// Sends one draft, and the queue of drafts.
//
// The same key goes with every try, so that a lost answer never becomes a second report. XMLHttpRequest rather than fetch
// for one reason: it tells how much has gone up. Tries: at once, then after 1, 2, 4, 8 s; then the draft waits in the queue
// and goes out with the next network. Only transport errors and 5xx are tried again: a refusal stays a refusal.

import { dropDraft, saveDraft, waiting } from "./drafts.js";

const PAUSES_MS = [1000, 2000, 4000, 8000];
const TIMEOUT_MS = 90000;

export class SendError extends Error {
  // kind: "network" (worth another try) | "later" (too many at once) | "signed-out" | "token" | "refused"
  constructor(kind, problem = {}) {
    super(problem.detail || kind);
    this.kind = kind;
    this.problem = problem;
  }
}

export async function sendWithRetry(draft, context, onProgress = () => {}) {
  for (let turn = 0; ; turn += 1) {
    try {
      return await sendOnce(draft, context, onProgress);
    } catch (error) {
      if (error.kind === "token" && !context.renewed) {
        context.renewed = true;
        await renewToken(context);
        continue;
      }
      if (error.kind !== "network" || turn >= PAUSES_MS.length || !navigator.onLine) throw error;
      onProgress({ retryIn: PAUSES_MS[turn] / 1000 });
      await new Promise((done) => setTimeout(done, PAUSES_MS[turn]));
    }
  }
}

async function sendOnce(draft, context, onProgress) {
  draft.tried = true;
  await saveDraft(draft);
  const answer = await post(context, bodyOf(draft), onProgress);
  await dropDraft(draft.key);
  return answer;
}

// The order of the claims is the order of the photos: `claimed` for photos, `after_claimed` for the photos after.
function bodyOf(draft) {
  const body = new FormData();
  body.set("client_key", draft.key);
  for (const [name, value] of Object.entries(draft.fields)) body.set(name, value);
  const parts = { photos: [], after_photos: [] };
  for (const photo of draft.photos) {
    const field = photo.after ? "after_photos" : "photos";
    body.append(field, photo.blob, photo.name);
    parts[field].push(photo.claimed);
  }
  body.set("claimed", JSON.stringify(parts.photos));
  body.set("after_claimed", JSON.stringify(parts.after_photos));
  return body;
}

function post(context, body, onProgress) {
  return new Promise((done, fail) => {
    const call = new XMLHttpRequest();
    call.open("POST", context.url);
    call.timeout = TIMEOUT_MS;
    call.responseType = "text";
    call.setRequestHeader("Accept", "application/json");
    call.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    call.setRequestHeader("X-CSRFToken", context.token);
    call.upload.onprogress = (event) => event.lengthComputable && onProgress({ sent: event.loaded, total: event.total });
    call.onerror = () => fail(new SendError("network"));
    call.ontimeout = () => fail(new SendError("network"));
    call.onload = () => settle(call, done, fail);
    call.send(body);
  });
}

function settle(call, done, fail) {
  const answer = parse(call.responseText);
  if (call.status >= 200 && call.status < 300 && answer.location) done(answer);
  else if (call.status === 401 || (call.status === 200 && !answer.location)) fail(new SendError("signed-out"));
  else if (call.status === 403 && (!answer.code || answer.code === "csrf")) fail(new SendError("token"));
  else if (call.status === 0 || call.status === 408 || call.status >= 500) fail(new SendError("network", answer));
  else if (call.status === 429) fail(new SendError("later", answer));
  else fail(new SendError("refused", { status: call.status, ...answer }));
}

function parse(text) {
  try {
    return JSON.parse(text) || {};
  } catch {
    return {};
  }
}

// A new sign-in brings a new token. The page that is open still holds the old one.
async function renewToken(context) {
  const page = await fetch(context.url, { credentials: "same-origin" }).catch(() => null);
  const html = page && page.ok ? await page.text() : "";
  const field = new DOMParser().parseFromString(html, "text/html").querySelector("[name=csrfmiddlewaretoken]");
  if (field) context.token = field.value;
}

const AGAIN_MS = [2000, 5000, 15000, 30000, 60000];
let sending = false;
let timer;
let turn = 0;

// Sends what waits, and comes back while something does: "online" often comes before the network really carries.
export async function keepSending(context, onSent = () => {}, onTurn = () => {}) {
  clearTimeout(timer);
  const isDone = await sendQueue(context, onSent);
  turn = isDone ? 0 : turn + 1;
  if (!isDone) timer = setTimeout(() => keepSending(context, onSent, onTurn), AGAIN_MS[Math.min(turn, AGAIN_MS.length) - 1]);
  onTurn();
}

// Oldest first. False if something still waits: no network, no session, too many at once. A refused draft is set aside.
async function sendQueue(context, onSent) {
  if (sending || !navigator.onLine) return true; // somebody else is at it, or the "online" event will call
  sending = true;
  try {
    for (const draft of await waiting(context.owner)) {
      try {
        onSent(await sendPatiently(draft, context));
      } catch (error) {
        if (error.kind !== "refused") return false;
        await setAside(draft, error.problem);
      }
    }
    return true;
  } finally {
    sending = false;
  }
}

// The page may be a kept one whose token is of an earlier session.
async function sendPatiently(draft, context) {
  try {
    return await sendOnce(draft, context, () => {});
  } catch (error) {
    if (error.kind !== "token") throw error;
    await renewToken(context);
    return sendOnce(draft, context, () => {});
  }
}

async function setAside(draft, problem) {
  if (problem.code === "key_reused") return dropDraft(draft.key); // an earlier try of it did arrive
  draft.state = "blocked";
  draft.problem = { field: problem.field, detail: problem.detail };
  return saveDraft(draft);
}
