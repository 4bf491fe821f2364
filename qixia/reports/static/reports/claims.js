// What this phone alone knows of anonymous reports (IndexedDB): the claim secret, the number, the title last seen.
//
// The server keeps only the hash of a secret, so whoever holds it can follow the report and take its points: a lost phone or
// cleared data loses both. Rows name no person: they belong to the phone. A row is written before the report is sent, because
// an answer may be lost; it has no number until one arrived. Calls resolve to undefined where nothing can be kept.

import { sha256Hex } from "../ui/sha256.js";
import { openStore } from "./store.js";

const run = openStore("qixia-claims", "claims", "secret");

export function newSecret() {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

export const hashOf = sha256Hex;

// {secret, public_id, number, title, at}. True if it is kept.
export async function saveClaim(claim) {
  return (await run("readwrite", (store) => store.put(claim))) !== undefined;
}

export function dropClaim(secret) {
  return run("readwrite", (store) => store.delete(secret));
}

// Latest first.
export async function allClaims() {
  const all = (await run("readonly", (store) => store.getAll())) || [];
  return all.sort((a, b) => b.at - a.at);
}
