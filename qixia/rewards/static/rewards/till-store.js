// What a merchant's phone keeps at the till: its key with the certificate, and every voucher that it took without network.
//
// The private key cannot be read out of the browser. A number is given out, the caps are looked at and the record is written
// in one transaction: two windows never give the same number, and a phone that dies right after has the record.
// Where IndexedDB is missing or full, calls fail with reason "store": at a till "probably kept" is not enough.

const NAME = "qx-till";
const KEPT_DAYS = 3; // what was answered stays so long, so that no voucher is taken twice on an old code
const DAY_MS = 86400000;

export class Refused extends Error {
  constructor(reason, words = {}) {
    super(reason);
    this.reason = reason;
    this.words = words;
  }
}

let opened;

function open() {
  opened ??= new Promise((done, fail) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      const db = request.result;
      db.createObjectStore("phones", { keyPath: "device" }); // CryptoKeys and the certificate
      db.createObjectStore("scans", { keyPath: ["device", "seq"] });
      db.createObjectStore("online", { keyPath: "key" }); // what this phone took while it had network
    };
    request.onsuccess = () => done(request.result);
    request.onerror = request.onblocked = () => fail(new Refused("store"));
  });
  opened.catch(() => (opened = undefined));
  return opened;
}

// `work` gets the stores and a function that takes the result; what it throws undoes the transaction.
async function run(names, mode, work) {
  const db = await open();
  return new Promise((done, fail) => {
    const change = db.transaction(names, mode, { durability: "strict" });
    let found, wrong;
    const guard = (step) => (...given) => {
      try {
        return step(...given);
      } catch (error) {
        wrong = error;
        change.abort();
        return undefined;
      }
    };
    change.oncomplete = () => done(found);
    change.onabort = () => fail(wrong ?? new Refused("store"));
    guard(work)((name) => change.objectStore(name), (value) => (found = value), guard);
  });
}

const all = (name, range) => run([name], "readonly", (store, give) => {
  const request = store(name).getAll(range);
  request.onsuccess = () => give(request.result);
});
const put = (name, value) => run([name], "readwrite", (store) => store(name).put(value));
const ofPhone = (device) => IDBKeyRange.bound([device, 0], [device, Infinity]);

export const phones = () => all("phones");
export const savePhone = (phone) => put("phones", phone);
export const scansOf = (device) => all("scans", ofPhone(device));

// Changes what a phone says of itself; two windows may do so at once.
export function changePhone(device, changes) {
  return run(["phones"], "readwrite", (store, give, guard) => {
    const request = store("phones").get(device);
    request.onsuccess = guard(() => {
      if (!request.result) return;
      const phone = { ...request.result, ...changes };
      store("phones").put(phone);
      give(phone);
    });
  });
}

export const isUnsent = (scan) => scan.state === "taken";

export function sumOf(scans) {
  const unsent = scans.filter(isUnsent);
  return { count: unsent.length, fen: unsent.reduce((sum, scan) => sum + scan.fen, 0) };
}

// One more record. `make(phone, scans, online)` decides under the transaction's lock: it returns the record, or throws.
export function addScan(device, make) {
  return run(["phones", "scans", "online"], "readwrite", (store, give, guard) => {
    const phone = store("phones").get(device), scans = store("scans").getAll(ofPhone(device)), online = store("online").getAll();
    online.onsuccess = guard(() => {
      if (!phone.result) throw new Refused("no_phone");
      const seq = Math.max(phone.result.seq || 0, ...scans.result.map((scan) => scan.seq)) + 1;
      const made = { ...make(phone.result, scans.result, online.result, seq), device, seq };
      store("scans").add(made);
      store("phones").put({ ...phone.result, seq });
      give(made);
    });
  });
}

export function changeScan(scan, changes) {
  return run(["scans"], "readwrite", (store, give, guard) => {
    const request = store("scans").get([scan.device, scan.seq]);
    request.onsuccess = guard(() => {
      if (!request.result) return;
      store("scans").put({ ...request.result, ...changes });
      give(true);
    });
  });
}

// What was taken online counts too: the rider's code may be older than that.
export const noteOnline = (taken) => put("online", taken);

export function forgetOld(device, now) {
  const before = now - KEPT_DAYS * DAY_MS;
  return run(["scans", "online"], "readwrite", (store) => {
    const scans = store("scans").openCursor(ofPhone(device)), online = store("online").openCursor();
    scans.onsuccess = () => step(scans.result, (scan) => !isUnsent(scan) && scan.answeredAt < before);
    online.onsuccess = () => step(online.result, (taken) => taken.at < before);
  });
}

function step(cursor, isOld) {
  if (!cursor) return;
  if (isOld(cursor.value)) cursor.delete();
  cursor.continue();
}
