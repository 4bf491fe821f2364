// 谁知道是你: sealed or anonymous. Shows what belongs to the choice, and makes what an anonymous report needs.
//
// Anonymous needs script (the secret is made here) and today's pass (given only with the consent to photos). Once a report has
// been tried one way and its fate is unknown, the other way is barred: it could arrive twice and join the two.

import { newSecret } from "./claims.js";
import { newKey } from "./drafts.js";

export class Secrecy {
  constructor(root, onChange) {
    this.root = root;
    this.radios = [...root.querySelectorAll("[name=secrecy]")];
    root.querySelector("[data-anonymous-card]").hidden = false;
    for (const radio of this.radios) {
      radio.addEventListener("change", () => {
        this.show();
        onChange();
      });
    }
    this.show();
  }

  get isAnonymous() {
    return this.radios.some((radio) => radio.checked && radio.value === "anonymous");
  }

  // A secret and a key of its own: a key that was used signed in would join the report to its rider.
  get ticket() {
    if (!this.isAnonymous) return undefined;
    this.kept ??= { secret: newSecret(), key: newKey() };
    return this.kept;
  }

  restore({ fields, anonymous, tried }) {
    this.kept = anonymous;
    this.choose(fields.secrecy || "sealed");
    this.lock(tried || "");
  }

  choose(value) {
    for (const radio of this.radios) radio.checked = radio.value === value;
    this.show();
  }

  lock(value) {
    this.tried = value;
    for (const radio of this.radios) radio.disabled = Boolean(value) && radio.value !== value;
    this.root.querySelector("[data-locked]").hidden = !value;
  }

  clear() {
    this.kept = undefined;
    this.lock("");
    this.choose("sealed");
  }

  show() {
    for (const part of this.root.querySelectorAll("[data-only]")) part.hidden = (part.dataset.only === "anonymous") !== this.isAnonymous;
  }
}
