// Sends one draft, and the queue of drafts.
//
// The same key goes with every try, so that a lost answer never becomes a second report. XMLHttpRequest rather than fetch
// for one reason: it tells how much has gone up. An anonymous draft goes by fetch, because only fetch can leave the cookies
// out; it is never sent any other way. Tries: at once, then after 1, 2, 4, 8 s; then the draft waits in the queue
// and goes out with the next network. Only transport errors and 5xx are tried again: a refusal stays a refusal.

import { dropClaim, hashOf, saveClaim } from "./claims.js";
import { dropDraft, saveDraft, waiting } from "./drafts.js";
import { uploadLarge } from "./uploads.js";

const PAUSES_MS = [1000, 2000, 4000, 8000];
const TIMEOUT_MS = 90000;
const SLOWEST_BYTES_PER_MS = 25; // a clip on a bad network takes long, and that is no failure
const STALE = ["token", "pass"]; // what a page hands out, and an open page may hold too long

export class SendError extends Error {
  // kind: "network" (worth another try) | "later" (too many at once) | "signed-out" | "token" | "pass" | "refused"
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
      if (STALE.includes(error.kind) && !context.renewed) {
        context.renewed = true;
        await renew(context, error);
        continue;
      }
      if (error.kind !== "network" || turn >= PAUSES_MS.length || !navigator.onLine) throw error;
      onProgress({ retryIn: PAUSES_MS[turn] / 1000 });
      await new Promise((done) => setTimeout(done, PAUSES_MS[turn]));
    }
  }
}

async function sendOnce(draft, context, onProgress) {
  const isAnonymous = draft.fields.secrecy === "anonymous";
  draft.tried = isAnonymous ? "anonymous" : "sealed";
  await saveDraft(draft);
  const answer = await (isAnonymous ? sendAnonymously : sendSealed)(draft, context, onProgress);
  await dropDraft(draft.key);
  return answer;
}

// Large files first, in pieces, if this page knows where to; then the report, which names them.
async function sendSealed(draft, context, onProgress) {
  const files = [...draft.photos, ...(draft.clip ? [draft.clip] : [])];
  if (context.uploadsUrl) await uploadLarge(files, context, refusePiece, onProgress);
  try {
    return await post(context, bodyOf(draft), onProgress);
  } catch (error) {
    if (error.problem?.field !== "uploaded") throw error;
    for (const file of files) delete file.upload; // kept too long on the way: from the start, with the next try
    throw new SendError("network", error.problem);
  }
}

function refusePiece(status, text) {
  verdict(status, text);
  throw new SendError("network");
}

// The secret is kept before the report goes: an answer may be lost, and then only the secret finds the report again.
async function sendAnonymously(draft, context, onProgress) {
  const { secret, key } = draft.anonymous;
  if (!context.pass) throw new SendError("pass");
  const claim = { secret, public_id: "", number: "", title: draft.cls_name || "", at: Date.now() };
  if (!(await saveClaim(claim))) throw new SendError("no-room");
  onProgress({});
  try {
    const answer = await postBare(context, anonymousBody(draft, key, await hashOf(secret)));
    await saveClaim({ ...claim, public_id: answer.public_id, number: answer.number });
    return answer;
  } catch (error) {
    if (error.kind === "refused" && !arrivedBefore(error.problem)) await dropClaim(secret);
    throw error;
  }
}

// Refused because an earlier try did arrive: then the secret is all that is left of it.
const arrivedBefore = (problem) => problem.code === "key_reused" || problem.field === "claim_hash";

function bytesOf(body) {
  let sum = 0;
  for (const value of body.values()) sum += value.size || 0;
  return sum;
}

// What the camera wrote stays here: neither its claims nor a picture that was not drawn anew.
function anonymousBody(draft, key, hash) {
  const body = new FormData();
  body.set("client_key", key);
  body.set("claim_hash", hash);
  for (const [name, value] of Object.entries(draft.fields)) if (!["secrecy", "hide_name"].includes(name)) body.set(name, value);
  if (draft.clip) throw new SendError("refused", { field: "clip" }); // a clip can't be drawn anew here
  for (const photo of draft.photos) {
    if (!photo.clean) throw new SendError("refused", { field: "photos" });
    body.append(photo.after ? "after_photos" : "photos", photo.blob, photo.name);
  }
  return body;
}

async function postBare(context, body) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
  try {
    const answer = await fetch(context.anonymousUrl, {
      method: "POST",
      body,
      credentials: "omit",
      referrerPolicy: "no-referrer",
      cache: "no-store",
      signal: stop.signal,
      headers: { Accept: "application/json", "X-Rider-Pass": context.pass },
    });
    return verdict(answer.status, await answer.text());
  } catch (error) {
    throw error instanceof SendError ? error : new SendError("network");
  } finally {
    clearTimeout(timer);
  }
}

// The order of the claims is the order of the photos: `claimed` for photos, `after_claimed` for the photos after; those that
// went up before stand behind those that come along.
function bodyOf(draft) {
  const body = new FormData();
  body.set("client_key", draft.key);
  for (const [name, value] of Object.entries(draft.fields)) body.set(name, value);
  const claims = { photos: [], after_photos: [] };
  const files = draft.photos.map((photo) => [photo.after ? "after_photos" : "photos", photo]);
  if (draft.clip) files.push(["clip", draft.clip]);
  const isUp = ([, file]) => file.upload?.offset === file.blob.size;
  const uploaded = files.filter(isUp), along = files.filter((one) => !isUp(one));
  for (const [field, file] of along) body.append(field, file.blob, file.name);
  for (const [field, file] of [...along, ...uploaded]) claims[field]?.push(file.claimed);
  if (uploaded.length) body.set("uploaded", JSON.stringify(uploaded.map(([field, file]) => ({ id: file.upload.id, as: field }))));
  body.set("claimed", JSON.stringify(claims.photos));
  body.set("after_claimed", JSON.stringify(claims.after_photos));
  return body;
}

function post(context, body, onProgress) {
  return new Promise((done, fail) => {
    const call = new XMLHttpRequest();
    call.open("POST", context.url);
    call.timeout = TIMEOUT_MS + bytesOf(body) / SLOWEST_BYTES_PER_MS;
    call.responseType = "text";
    call.setRequestHeader("Accept", "application/json");
    call.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    call.setRequestHeader("X-CSRFToken", context.token);
    call.upload.onprogress = (event) => event.lengthComputable && onProgress({ sent: event.loaded, total: event.total });
    call.onerror = () => fail(new SendError("network"));
    call.ontimeout = () => fail(new SendError("network"));
    call.onload = () => {
      try {
        done(verdict(call.status, call.responseText));
      } catch (error) {
        fail(error);
      }
    };
    call.send(body);
  });
}

// The answer of a report that was taken in, or a SendError.
function verdict(status, text) {
  const answer = parse(text);
  if (status >= 200 && status < 300 && answer.location) return answer;
  if (answer.code === "people.no_pass") throw new SendError("pass", answer);
  if (status === 401 || (status === 200 && !answer.location)) throw new SendError("signed-out");
  if (status === 403 && (!answer.code || answer.code === "csrf")) throw new SendError("token");
  if (status === 0 || status === 408 || status >= 500) throw new SendError("network", answer);
  if (status === 429) throw new SendError("later", answer);
  throw new SendError("refused", { status, ...answer });
}

function parse(text) {
  try {
    return JSON.parse(text) || {};
  } catch {
    return {};
  }
}

// A new sign-in brings a new token, a new day a new pass. The page that is open still holds the old ones.
async function renew(context, error) {
  const answer = await fetch(context.url, { credentials: "same-origin", cache: "no-store" }).catch(() => null);
  if (!answer) throw new SendError("network");
  const page = new DOMParser().parseFromString(answer.ok ? await answer.text() : "", "text/html");
  const form = page.querySelector("form[data-snap]");
  if (!form) throw new SendError("signed-out");
  const pass = form.dataset.pass;
  if (error.kind === "pass" && (!pass || pass === context.pass)) throw new SendError("refused", error.problem);
  context.token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  context.pass = pass;
  context.anonymousUrl = form.dataset.anonymousUrl;
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

// The page may be a kept one whose token is of an earlier session and whose pass is of an earlier week.
async function sendPatiently(draft, context) {
  try {
    return await sendOnce(draft, context, () => {});
  } catch (error) {
    if (!STALE.includes(error.kind)) throw error;
    await renew(context, error);
    return sendOnce(draft, context, () => {});
  }
}

async function setAside(draft, problem) {
  if (problem.code === "key_reused") return dropDraft(draft.key); // an earlier try of it did arrive
  draft.state = "blocked";
  draft.tried = "";
  draft.problem = { field: problem.field, detail: problem.detail };
  return saveDraft(draft);
}
