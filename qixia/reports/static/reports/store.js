// One store of IndexedDB, opened when it is first asked for.
//
// Where IndexedDB is missing (private mode) or the phone is full, `run` resolves to undefined: callers say so or do without.

export function openStore(name, store, keyPath) {
  let opened;

  function open() {
    opened ??= new Promise((done) => {
      let request;
      try {
        request = indexedDB.open(name, 1);
      } catch {
        return done(null);
      }
      request.onupgradeneeded = () => request.result.createObjectStore(store, { keyPath });
      request.onsuccess = () => done(request.result);
      request.onerror = () => done(null);
      request.onblocked = () => done(null);
      return undefined;
    });
    return opened;
  }

  return async function run(mode, work) {
    const db = await open();
    if (!db) return undefined;
    return new Promise((done) => {
      const change = db.transaction(store, mode);
      const request = work(change.objectStore(store));
      change.oncomplete = () => done(request.result);
      change.onerror = () => done(undefined);
      change.onabort = () => done(undefined); // the phone is full
    });
  };
}
