// The receipt of an anonymous report: the number that this phone was given last. The server is asked nothing.

import { allClaims } from "./claims.js";

const last = (await allClaims()).find((one) => one.number);
const button = document.querySelector("[data-copy]");
if (last) {
  document.querySelector("[data-number]").textContent = last.number;
  button.dataset.copy = last.number;
}
button.hidden = !last;
document.querySelector("[data-receipt]").hidden = !last;
document.querySelector("[data-nothing]").hidden = Boolean(last);
