// 我的匿名上报: what this phone holds (claims.js), how it stands, and its points.
//
// States are asked for and answers given without cookies, so that these requests name nobody. Only claiming points is done
// signed in; the server then learns of no report. A row goes from the phone when the server says that its points were taken.

import { allClaims, dropClaim, saveClaim } from "./claims.js";

const root = document.querySelector("[data-anonymous]");
const at = (selector) => root.querySelector(selector);
const texts = Object.fromEntries([...at("[data-words]").content.querySelectorAll("[data-k]")].map((one) => [one.dataset.k, one.textContent.trim()]));
const say = (name, values = {}) => (texts[name] || name).replace(/\{(\w+)\}/g, (_, key) => values[key]);
let rows = []; // {claim, status}: status undefined: not asked yet; null: unknown to the server

// ── asking ────────────────────────────────────────────────────────────────
function ask(url, body, more = {}) {
  const given = { method: "POST", body: JSON.stringify(body), cache: "no-store", referrerPolicy: "no-referrer", credentials: "omit" };
  const { headers, ...rest } = more;
  return fetch(url, { ...given, ...rest, headers: { Accept: "application/json", "Content-Type": "application/json", ...headers } });
}

async function askStates() {
  const most = Number(root.dataset.most);
  for (let start = 0; start < rows.length; start += most) {
    const part = rows.slice(start, start + most);
    const answer = await ask(root.dataset.statusUrl, { secrets: part.map((row) => row.claim.secret) });
    if (!answer.ok) throw new Error("refused");
    (await answer.json()).forEach((status, n) => (part[n].status = status));
  }
  for (const row of rows.filter((one) => one.status)) await settle(row);
  rows = rows.filter((row) => row.status?.points !== "done" && (row.status || row.claim.number));
}

// Points taken: the secret has served. Otherwise the phone notes what it did not know yet, for times without network.
function settle({ claim, status }) {
  if (status.points === "done") return dropClaim(claim.secret);
  if (claim.number === status.number && claim.title === status.title) return undefined;
  return saveClaim(Object.assign(claim, { number: status.number, title: status.title }));
}

// ── drawing ───────────────────────────────────────────────────────────────
function show() {
  const list = at("[data-list]");
  const shown = rows.filter((row) => row.status || row.claim.number);
  list.replaceChildren(...shown.map(draw));
  list.hidden = !shown.length;
  at("[data-none]").hidden = shown.length > 0;
  at("[data-ready]").hidden = !ready().length;
  at("[data-ready-count]").textContent = ready().length;
}

const ready = () => rows.filter((row) => row.status?.points === "ready");

function draw(row) {
  const { claim, status } = row;
  const node = at("[data-one]").content.cloneNode(true).firstElementChild;
  const put = (name, text) => {
    const part = node.querySelector(`[data-${name}]`);
    part.textContent = text || "";
    part.hidden = !text;
  };
  const date = new Date(status?.received_at || claim.at).toLocaleDateString([], { month: "numeric", day: "numeric" });
  put("number", status?.number || claim.number);
  put("title", status?.title || claim.title || say("untitled"));
  put("place", status === null ? say("unknown") : status?.place || say("on", { date }));
  put("answer", status && [status.unit, status.answer].filter(Boolean).join("："));
  put("praise", status?.praise);
  put("points", status ? say(`points-${status.points}`) : "");
  if (status) node.querySelector("[data-state]").replaceWith(badge(status));
  node.querySelector("[data-drop]").addEventListener("submit", (event) => drop(event, row));
  const form = node.querySelector("[data-say]");
  form.hidden = !status?.can_answer;
  form.addEventListener("submit", (event) => answer(event, row));
  offer(node, "rate", status?.can_rate, (event) => rate(event, row));
  offer(node, "appeal", status?.can_appeal, (event) => appeal(event, row));
  return node;
}

function offer(node, name, may, act) {
  const form = node.querySelector(`[data-${name}]`);
  form.hidden = !may;
  form.addEventListener("submit", act);
}

function badge({ state, label }) {
  const node = at("[data-states]").content.querySelector(`[data-key="${state}"]`).firstElementChild.cloneNode(true);
  node.append(label);
  return node;
}

function tell(box, text, { focus = true } = {}) {
  for (const other of root.querySelectorAll("[data-problem], [data-credited]")) other.hidden = true;
  const node = at(`[data-${box}]`);
  node.querySelector("[data-text]").textContent = text;
  node.hidden = !text;
  if (text && focus) node.focus();
}

// ── doing ─────────────────────────────────────────────────────────────────
async function drop(event, row) {
  event.preventDefault();
  await dropClaim(row.claim.secret);
  rows = rows.filter((one) => one !== row);
  show();
}

async function answer(event, row) {
  event.preventDefault();
  const body = { secret: row.claim.secret, solved: event.submitter.value === "yes", text: event.target.elements.text.value };
  const given = await ask(root.dataset.answerUrl, body).catch(() => null);
  if (!given?.ok) return tell("problem", (await detailOf(given)) || say("say-failed"));
  row.status = await given.json();
  show();
  return tell("credited", say("said"));
}

async function send(event, row, url, body, done) {
  event.preventDefault();
  const given = await ask(url, { secret: row.claim.secret, ...body }).catch(() => null);
  if (!given?.ok) return tell("problem", (await detailOf(given)) || say("say-failed"));
  row.status = await given.json();
  show();
  return tell("credited", say(done));
}

function rate(event, row) {
  const { answered, solved } = event.target.elements;
  const body = { answered: answered.checked, solved: solved.checked, content: Number(event.submitter.value) };
  return send(event, row, root.dataset.rateUrl, body, "rated");
}

const appeal = (event, row) => send(event, row, root.dataset.appealUrl, { text: event.target.elements.text.value }, "appealed");

async function claim(event) {
  event.preventDefault();
  const secrets = ready().map((row) => row.claim.secret).slice(0, Number(root.dataset.most));
  const token = document.querySelector("meta[name=csrf-token]")?.content || "";
  const given = await ask(root.dataset.claimUrl, { secrets }, { credentials: "same-origin", headers: { "X-CSRFToken": token } }).catch(() => null);
  if (!given?.ok) return tell("problem", say(given?.status === 401 ? "signed-out" : "claim-failed"));
  const { credited } = await given.json();
  await refresh();
  return tell("credited", credited ? say("credited", { n: credited }) : say("gone"));
}

async function detailOf(answer) {
  const problem = await answer?.json().catch(() => null);
  return problem?.detail;
}

async function refresh() {
  rows = (await allClaims()).map((one) => ({ claim: one }));
  if (!rows.length) return show();
  if (!navigator.onLine) {
    show();
    return tell("problem", say("offline"), { focus: false });
  }
  try {
    await askStates();
    tell("problem", "");
  } catch {
    tell("problem", say("failed"), { focus: false });
  }
  return show();
}

at("[data-claim]").addEventListener("submit", claim);
window.addEventListener("online", refresh);
await refresh();
root.dataset.done = "1";
