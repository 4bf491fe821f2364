// Drafts on the phone (IndexedDB): photos and fields of reports that the server has not acknowledged yet.
//
// One row a report, keyed by its client key. state: "editing" (the form is open), "queued" (the rider pressed send; it goes
// out when there is network), "blocked" (the server refused it: the rider has to look). A row is deleted only after the
// server gave a number. Rows belong to one person (`owner`), because phones are shared and sessions change.
// Where IndexedDB is missing (private mode) everything still works, only without the safety net: calls resolve to nothing.

import { openStore } from "./store.js";

const run = openStore("qixia", "drafts", "key");

export async function saveDraft(draft) {
  const kept = await run("readwrite", (store) => store.put({ ...draft, saved_at: Date.now() }));
  return kept !== undefined;
}

export function dropDraft(key) {
  return run("readwrite", (store) => store.delete(key));
}

export async function draftsOf(owner) {
  const all = (await run("readonly", (store) => store.getAll())) || [];
  return all.filter((draft) => draft.owner === owner).sort((a, b) => a.saved_at - b.saved_at);
}

export async function waiting(owner) {
  return (await draftsOf(owner)).filter((draft) => draft.state === "queued");
}

export async function unfinished(owner) {
  return (await draftsOf(owner)).filter((draft) => draft.state !== "queued" && (draft.photos.length || draft.clip || draft.fields.words)).pop();
}

export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // plain http on a LAN has no randomUUID
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
