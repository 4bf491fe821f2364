// Sends what this phone took without network: when the page opens, when the network is back, and again after a while.
//
// The server knows each record by phone and number, so a lost answer is asked for again and nothing counts twice. Tries after
// 2, 4, 8 … seconds, at most five minutes apart. A refusal of the server is an answer and is kept with its words.

import { changePhone, changeScan, forgetOld, isUnsent, phones, scansOf } from "./till-store.js";
import { sign } from "./till-key.js";

const BATCH = 50;
const FIRST_MS = 2000;
const LONGEST_MS = 300000;
const TIMEOUT_MS = 20000;
const RENEW_MS = 6 * 3600000;

// `say(state)`: "sending" | "waits" (for the network) | "signed-out" | "other-shop" | "late" (too many at once) | "done".
export class Sender {
  constructor(page, say) {
    this.page = page;
    this.say = say;
    this.tries = 0;
    this.timer = 0;
    this.busy = false;
  }

  async flush() {
    if (this.busy) return; // who asks now is served by the run that goes on: it reads the store again
    this.busy = true;
    clearTimeout(this.timer);
    try {
      await this.alone(() => this.all());
      this.tries = 0;
    } catch (error) {
      this.say(error.kind ?? "waits");
      if ((error.kind ?? "waits") === "waits") this.later();
    } finally {
      this.busy = false;
    }
  }

  later() {
    const wait = Math.min(FIRST_MS * 2 ** this.tries, LONGEST_MS);
    this.tries += 1;
    this.timer = setTimeout(() => this.flush(), wait * (0.8 + Math.random() * 0.4));
  }

  alone(work) {
    if (!navigator.locks) return work();
    return navigator.locks.request("qx-till-send", { ifAvailable: true }, (lock) => lock && work());
  }

  async all() {
    let wrong;
    for (const phone of await phones()) {
      try {
        await this.one(phone);
      } catch (error) {
        wrong ??= error; // another shop's phone of this browser must not hold up this one's
      }
    }
    if (wrong) throw wrong;
    this.say("done");
  }

  async one(phone) {
    for (;;) {
      const unsent = (await scansOf(phone.device)).filter(isUnsent).slice(0, BATCH);
      if (!unsent.length) break;
      this.say("sending");
      const scans = [];
      // A phone that died between writing and signing signs now: the record says what was taken, and when.
      for (const scan of unsent) scans.push({ body: scan.body, signature: scan.signature ?? (await sign(phone, scan.body)) });
      const answer = await this.ask(this.page.scansUrl, { device: phone.device, certificate: phone.certificate, scans });
      if (answer.answers.length !== unsent.length) throw problem("waits");
      for (const [index, scan] of unsent.entries()) {
        const { state, reason, words, borne_by: borneBy } = answer.answers[index];
        await changeScan(scan, { state, reason, words, borneBy, answeredAt: answer.now });
      }
      await changePhone(phone.device, { offset: answer.now - Date.now() });
    }
    await this.renew(phone);
  }

  // A fresh certificate while there is network; whether the phone was stopped shows here too.
  async renew(phone) {
    const now = Date.now() + (phone.offset || 0);
    if (phone.revoked || now - (phone.renewedAt || 0) < RENEW_MS) return;
    try {
      const given = await this.ask(this.page.renewUrl.replace("DEVICE", phone.device), {});
      await changePhone(phone.device, { ...keptOf(given), offset: given.now - Date.now(), renewedAt: given.now });
      await forgetOld(phone.device, given.now);
    } catch (error) {
      if (error.code === "rewards.phone_revoked") await changePhone(phone.device, { revoked: true });
      else if (error.kind !== "other-shop") throw error;
    }
  }

  async ask(url, body, isSecond = false) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
    let response, answer;
    try {
      const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": this.page.token };
      response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), cache: "no-store", signal: stop.signal });
      answer = await response.json();
    } catch {
      throw problem("waits");
    } finally {
      clearTimeout(timer);
    }
    if (response.ok) return answer;
    if (response.status === 403 && answer.code === "csrf" && !isSecond) {
      await this.freshToken();
      return this.ask(url, body, true);
    }
    throw problem(kindOf(response.status), answer);
  }

  // A page from the cache holds the token of another day.
  async freshToken() {
    const response = await fetch(this.page.tillUrl, { cache: "no-store", headers: { "X-Till": "token" } }).catch(() => null);
    if (!response?.ok) throw problem("waits");
    const found = new DOMParser().parseFromString(await response.text(), "text/html");
    const token = found.querySelector("meta[name=csrf-token]")?.content;
    if (!token) throw problem("signed-out");
    this.page.token = token;
  }
}

export const keptOf = ({ device, merchant, certificate, limits, label }) => ({ device, merchant, certificate, limits, label });

function kindOf(status) {
  if (status === 401 || status === 403) return "signed-out";
  if (status === 404) return "other-shop";
  return status === 429 ? "late" : "waits";
}

function problem(kind, { code = "", detail = "" } = {}) {
  return Object.assign(new Error(kind), { kind, code, detail });
}
