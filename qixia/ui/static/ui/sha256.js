// SHA-256 of a text, as 64 hex digits.
//
// The browser's own where it is; it is missing on plain http pages (a town hall's LAN), so the algorithm of FIPS 180-4 stands
// here as well. Both give the same; a test holds them to published vectors.

export async function sha256Hex(text) {
  const bytes = new TextEncoder().encode(text);
  const digest = globalThis.crypto?.subtle ? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)) : sha256(bytes);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const BLOCK = 64;
const { start: START, rounds: ROUNDS } = constants();

// The first 32 bits of the fractional parts of the square roots (start) and cube roots (rounds) of the first primes.
function constants() {
  const primes = [];
  for (let n = 2; primes.length < 64; n += 1) if (primes.every((prime) => n % prime)) primes.push(n);
  const fraction = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
  return { start: primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime))), rounds: primes.map((prime) => fraction(Math.cbrt(prime))) };
}

export function sha256(bytes) {
  const data = padded(bytes);
  const view = new DataView(data.buffer);
  const hash = Int32Array.from(START);
  const words = new Int32Array(64);
  for (let at = 0; at < data.length; at += BLOCK) compress(hash, words, view, at);
  const out = new DataView(new ArrayBuffer(32));
  hash.forEach((word, n) => out.setInt32(n * 4, word));
  return new Uint8Array(out.buffer);
}

// The message, a one bit, zeros, and its length in bits as 64-bit number: a whole number of blocks.
function padded(bytes) {
  const data = new Uint8Array(Math.ceil((bytes.length + 9) / BLOCK) * BLOCK);
  data.set(bytes);
  data[bytes.length] = 0x80;
  const view = new DataView(data.buffer);
  view.setUint32(data.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(data.length - 4, (bytes.length << 3) >>> 0);
  return data;
}

const turn = (word, n) => (word >>> n) | (word << (32 - n));

function compress(hash, words, view, at) {
  for (let n = 0; n < 16; n += 1) words[n] = view.getInt32(at + n * 4);
  for (let n = 16; n < 64; n += 1) {
    const old = words[n - 15], late = words[n - 2];
    const low = turn(old, 7) ^ turn(old, 18) ^ (old >>> 3);
    const high = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10);
    words[n] = (words[n - 16] + low + words[n - 7] + high) | 0;
  }
  let [a, b, c, d, e, f, g, h] = hash;
  for (let n = 0; n < 64; n += 1) {
    const choice = (e & f) ^ (~e & g);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + choice + ROUNDS[n] + words[n]) | 0;
    const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + majority) | 0;
    [a, b, c, d, e, f, g, h] = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
  }
  [a, b, c, d, e, f, g, h].forEach((word, n) => (hash[n] = (hash[n] + word) | 0));
}
