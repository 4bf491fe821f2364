// A voucher on its owner's phone: a new code every few seconds, with the network and for some hours without it; a larger one for
// a scanner that has trouble; a screen that stays on; and the page anew once a till has taken something.
//
// Without this script the page shows the server's picture and loads itself again.

import { Chain } from "./code.js";
import { generate } from "../ui/vendor/lean-qr.js";

const box = document.getElementById("qr");
const canvas = document.getElementById("qr-live");
const say = document.getElementById("qr-say");
const button = document.getElementById("bright");
const BORDER = 2;
const QUIET_MS = 8000; // in a lift the network neither answers nor fails

let chain = null;
let offset = 0; // of the server's clock to this phone's
let shown = "";
let timer = 0;

// Once for one state of the voucher: a page that still says the same afterwards does not load itself without end.
const RELOADED = `voucher ${location.pathname}`;
function reload() {
  if (sessionStorage.getItem(RELOADED) === canvas.dataset.used) return;
  sessionStorage.setItem(RELOADED, canvas.dataset.used);
  location.reload();
}

// The service worker answers with what it kept, and when it kept it, where there is no network.
async function ask() {
  const answer = await fetch(canvas.dataset.codes, { cache: "no-store", signal: AbortSignal.timeout?.(QUIET_MS) });
  if (answer.redirected || [403, 404].includes(answer.status)) return reload();
  if (!answer.ok) throw new Error("not now");
  const given = await answer.json();
  const kept = answer.headers.get("x-qixia-kept");
  if (kept && chain) return undefined;
  if (!kept && String(given.used) !== canvas.dataset.used) return reload();
  offset = given.now - Number(kept ?? Date.now());
  chain = new Chain(given);
  sessionStorage.removeItem(RELOADED);
  return undefined;
}

function draw() {
  clearTimeout(timer);
  const now = Date.now() + offset;
  const text = chain?.text(now);
  if (chain && !text) say.textContent = canvas.dataset.over;
  if (text && text !== shown) {
    paint(generate(text, { minCorrectionLevel: 1 }));
    box.hidden = true;
    canvas.hidden = false;
    shown = text;
  }
  const rest = chain ? chain.stepMs - ((now - chain.first) % chain.stepMs) : QUIET_MS;
  timer = setTimeout(turn, Math.max(rest, 250));
}

// One dot of the canvas is one of the code; the style sheet makes it large. Dark on white whatever the page's theme.
function paint(code) {
  canvas.width = code.size + 2 * BORDER;
  canvas.height = canvas.width;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#10161a";
  for (let y = 0; y < code.size; y += 1) {
    for (let x = 0; x < code.size; x += 1) if (code.get(x, y)) pen.fillRect(x + BORDER, y + BORDER, 1, 1);
  }
}

async function turn() {
  draw();
  if (!document.hidden) await ask().then(draw, () => undefined);
}

let lock = null;
async function stayAwake() {
  if (document.hidden || (lock && !lock.released)) return;
  lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
}

button.addEventListener("click", () => {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  for (const code of [box, canvas]) code.classList.toggle("is-large", on);
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  turn();
  stayAwake();
});
window.addEventListener("online", turn);

turn();
stayAwake();
