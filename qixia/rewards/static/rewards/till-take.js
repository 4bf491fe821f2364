// A voucher at the till without network: is it ours, of this shop, of this moment, not used up; may this phone take it?
//
// What the code says of itself is signed by the server and shown by the rider's phone just now. What this phone took of the
// same voucher since the server signed comes off, sent or not: the same part is never taken twice here. Whether another phone
// was faster, only the server knows: until it has answered, this is "taken, not booked".

import { readCode } from "./code.js";
import { sign } from "./till-key.js";
import { addScan, changeScan, noteOnline, phones, Refused, scansOf, sumOf } from "./till-store.js";

const SECOND = 1000;

// This phone's registration at one of the page's shops: one that is in use, else the newest.
export async function phoneOf(kit) {
  const codes = kit.shops.map((shop) => shop.code);
  const own = (await phones()).filter((phone) => codes.includes(phone.merchant));
  own.sort((a, b) => Number(Boolean(a.revoked)) - Number(Boolean(b.revoked)) || b.limits.until - a.limits.until);
  return own[0];
}

export const nowOf = (phone) => Date.now() + (phone?.offset || 0);

// What a scanned code stands for, if this phone may take it now. Refused names the reason.
export async function look(text, kit, phone) {
  if (!text.startsWith("QX")) throw new Refused("typed");
  mustTake(phone);
  const now = nowOf(phone);
  const code = await read(text, kit.key, now);
  if (code.merchant !== phone.merchant) throw new Refused("elsewhere");
  const item = kit.items[code.item];
  if (code.opensAt > now) throw new Refused("early");
  if (!item) throw new Refused("item");
  if (item.open && !item.open.some(([from, to]) => from * SECOND <= now && now < to * SECOND)) throw new Refused("hours");
  const left = code.total - code.used - takenHere(code, await scansOf(phone.device), []);
  if (left < 1) throw new Refused("mine");
  return { ...code, text, left, name: item.name, kind: item.kind, publicKey: kit.key };
}

function mustTake(phone) {
  if (!phone) throw new Refused("no_phone");
  if (phone.revoked) throw new Refused("revoked");
  if (nowOf(phone) >= phone.limits.until * SECOND) throw new Refused("ended");
}

async function read(text, key, now) {
  let code;
  try {
    code = await readCode(text, key, now);
  } catch (error) {
    throw new Refused(error.reason ?? "broken");
  }
  if (code.expiresAt <= now) throw new Refused("expired");
  if (!code.isFresh) throw new Refused("stale");
  if (code.used >= code.total) throw new Refused("used");
  return code;
}

// Units that this phone took and that the server did not know of when it signed the code.
function takenHere(code, scans, online) {
  const known = (at) => at && at <= code.signedAt;
  const offline = scans.filter((scan) => scan.voucher === code.publicId && scan.state !== "refused" && !known(scan.answeredAt));
  const direct = online.filter((taken) => taken.voucher === code.publicId && !known(taken.at));
  return [...offline, ...direct].reduce((sum, one) => sum + one.units, 0);
}

export const worth = (code, units) => (code.total ? Math.floor(((code.faceFen || 0) * units) / code.total) : 0);

// Takes `units` of what was looked at. `key` is that of the confirmation: if it did arrive before the network broke, the
// server recognises it.
export async function takeOffline(found, units, key, phone) {
  const now = nowOf(phone);
  await read(found.text, found.publicKey, now); // who waits before confirming takes no code of minutes ago
  if (!found.faceFen) throw new Refused("no_value"); // no cap could hold it, and the server books none
  const fen = worth(found, units);
  const made = await addScan(phone.device, (own, scans, online, seq) => {
    mustTake(own);
    const left = found.total - found.used - takenHere(found, scans, online);
    if (left < 1) throw new Refused("mine");
    if (!Number.isInteger(units) || units < 1 || units > left) throw new Refused("units", { left });
    mustStayBelow(own.limits, fen, sumOf(scans));
    const body = JSON.stringify({ device: own.device, seq, code: found.text, units, key, taken_at: now });
    return {
      body, units, fen, voucher: found.publicId, name: found.name, kind: found.kind, tail: found.number.slice(-4), takenAt: now, state: "taken",
    };
  });
  const signature = await sign(phone, made.body).catch(() => undefined); // sent later, it is signed then
  if (signature) await changeScan(made, { signature });
  return made;
}

function mustStayBelow(limits, fen, unsent) {
  if (fen > limits.scan_fen) throw new Refused("scan_cap", { most: yuan(limits.scan_fen) });
  if (unsent.count >= limits.unsent_count) throw new Refused("unsent_count", { most: limits.unsent_count });
  if (unsent.fen + fen > limits.unsent_fen) throw new Refused("unsent_cap", { left: yuan(limits.unsent_fen - unsent.fen) });
}

// A voucher that was taken with network: an old code of it may be shown again when there is none.
export async function rememberOnline(text, units, key, kit, phone) {
  if (!phone || !text.startsWith("QX")) return;
  const code = await readCode(text, kit.key, nowOf(phone)).catch(() => null);
  if (code) await noteOnline({ key, voucher: code.publicId, units: units || code.total - code.used, at: nowOf(phone) });
}

export const yuan = (fen) => (fen % 100 ? (fen / 100).toFixed(2) : String(fen / 100));
