// On pages other than the form: sends reports that still wait on this phone, and says how many do.

import { waiting } from "./drafts.js";
import { keepSending } from "./send.js";

const box = document.querySelector("[data-waiting]");

async function show() {
  const count = (await waiting(box.dataset.owner)).length;
  box.hidden = count === 0;
  box.querySelector("[data-count]").textContent = count;
}

async function flush() {
  await show();
  const { url, token, owner, uploadsUrl } = box.dataset; // the pass for an anonymous one is fetched when it is needed
  if (!box.hidden) await keepSending({ url, token, owner, uploadsUrl }, () => {}, show);
}

if (box) {
  window.addEventListener("online", flush);
  flush();
}
