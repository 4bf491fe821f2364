// The code that a voucher shows, read and made without the network: the twin of qixia/rewards/qr.py, whose words on the form hold
// here too. Both are held to the same vectors. Times in milliseconds.

import { sha256 } from "../ui/sha256.js";

const PREFIX = "QX2.";
const HEAD = 69, SIGNATURE = 64, LINK = 16, STEP = 2 + LINK;
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const BY_AMOUNT = 1;
const SECOND = 1000;

export class BadCode extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

// What a scanned code says, if `publicKey` (base64url, 32 bytes) signed it. Throws BadCode: "forged", or "unknown" for what
// looks typed: without the network nobody can tell what a number stands for.
export async function readCode(text, publicKey, now) {
  const trimmed = text.trim();
  if (!trimmed.startsWith(PREFIX)) throw new BadCode(trimmed.length <= 20 ? "unknown" : "forged");
  const raw = bytesOf(trimmed.slice(PREFIX.length));
  if (!raw || raw.length < HEAD + SIGNATURE + STEP) throw new BadCode("forged");
  const signed = raw.subarray(0, raw.length - STEP);
  const payload = signed.subarray(0, signed.length - SIGNATURE);
  const isOurs = await verify(signed.subarray(payload.length), payload, bytesOf(publicKey));
  if (!isOurs || payload.subarray(HEAD).some((byte) => byte > 127)) throw new BadCode("forged");
  const said = factsOf(payload);
  const step = new DataView(raw.buffer, raw.byteOffset + signed.length).getUint16(0);
  if (!same(back(raw.subarray(raw.length - LINK), said.salt, step), said.anchor)) throw new BadCode("forged");
  const { salt, anchor, stepMs, oldestMs, ...code } = said;
  const shownAt = code.signedAt + step * stepMs;
  const isFresh = shownAt - oldestMs <= now && now <= shownAt + stepMs + oldestMs;
  return { ...code, shownAt, isFresh };
}

function factsOf(payload) {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const number = (n) => view.getUint32(17 + 4 * n);
  const salt = payload.subarray(1, 17);
  return {
    salt,
    publicId: idOf(salt),
    number: String(number(0)).padStart(9, "0"),
    item: number(1),
    merchant: String.fromCharCode(...payload.subarray(HEAD)),
    expiresAt: number(2) * SECOND,
    opensAt: number(3) * SECOND,
    byAmount: Boolean(payload[0] & BY_AMOUNT),
    total: number(4),
    used: number(5),
    faceFen: number(6),
    signedAt: number(7) * SECOND,
    stepMs: view.getUint16(49) * SECOND,
    oldestMs: view.getUint16(51) * SECOND,
    anchor: payload.subarray(53, HEAD),
  };
}

// Codes as a rider's phone shows them. `signed` and `last`: base64url, as the server gave them.
export class Chain {
  constructor({ signed, last, steps }) {
    this.signed = bytesOf(signed);
    this.steps = steps;
    this.links = new Array(steps + 1);
    this.links[steps] = bytesOf(last);
    const said = factsOf(this.signed.subarray(0, this.signed.length - SIGNATURE));
    for (let step = steps; step > 0; step -= 1) this.links[step - 1] = before(this.links[step], said.salt);
    this.first = said.signedAt;
    this.stepMs = said.stepMs;
  }

  stepAt(now) {
    return Math.max(Math.floor((now - this.first) / this.stepMs), 0);
  }

  // The code of this moment; null when there is none any more.
  text(now) {
    const step = this.stepAt(now);
    if (step > this.steps) return null;
    const raw = new Uint8Array(this.signed.length + STEP);
    raw.set(this.signed);
    new DataView(raw.buffer).setUint16(this.signed.length, step);
    raw.set(this.links[step], this.signed.length + 2);
    return PREFIX + textOf(raw);
  }
}

function before(link, salt) {
  const both = new Uint8Array(salt.length + link.length);
  both.set(salt);
  both.set(link, salt.length);
  return sha256(both).subarray(0, LINK);
}

function back(link, salt, steps) {
  let found = link;
  for (let n = 0; n < steps; n += 1) found = before(found, salt);
  return found;
}

// The browser's own Ed25519, or ours where it has none.
async function verify(signature, payload, publicKey) {
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, key, signature, payload);
  } catch {
    const ed25519 = await import("../ui/vendor/ed25519.js");
    return ed25519.verifyAsync(signature, payload, publicKey, { zip215: false }).catch(() => false);
  }
}

const same = (one, other) => one.length === other.length && one.every((byte, n) => byte === other[n]);

function idOf(bytes) {
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return Array.from({ length: 26 }, (_, n) => ALPHABET[Number((value >> BigInt(125 - 5 * n)) & 31n)]).join("");
}

// undefined for what is no base64url.
function bytesOf(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  try {
    return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

const textOf = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
