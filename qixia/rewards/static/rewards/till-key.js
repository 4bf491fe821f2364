// The phone's own key: ECDSA over P-256, which every Chromium since 2014 has; Ed25519 came to WebCrypto only lately.
// The private half is not extractable: not even this page can read it, only sign with it.

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const PREFIX = "qixia-till-1\n"; // as in qixia/rewards/offline.py

export const canSign = () => Boolean(globalThis.crypto?.subtle && globalThis.indexedDB);

export async function makeKey() {
  const pair = await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
  const raw = await crypto.subtle.exportKey("raw", pair.publicKey); // a public key can always be read
  return { key: pair.privateKey, publicKey: base64url(new Uint8Array(raw)) };
}

export async function sign(phone, body) {
  const text = new TextEncoder().encode(PREFIX + body);
  return base64url(new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, phone.key, text)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
