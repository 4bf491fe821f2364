// Sends a large file in pieces, so that a bad connection costs one piece and not the whole.
//
// POST opens an upload and gives its id, PUT adds a piece at an offset, and the report then names the id instead of carrying
// the file. The server's word on how much it has counts: after a lost answer the phone goes on from there. What is known so
// far stays on the file's own entry (`file.upload`), so a later try in the open page or from the queue resumes. Errors:
// {kind: "network"} after the tries, {kind: "signed-out" | "token" | "later" | "refused", problem} from `refuse`.

export const LARGE_BYTES = 1024 * 1024;
const PIECE_BYTES = 512 * 1024;
const MOST_LOST = 3; // uploads that the server forgot on the way
const PAUSES_MS = [500, 1000, 2000, 4000, 8000];

// Every file of the draft that is large and not yet there. `refuse(status, text)` throws what an answer means.
export async function uploadLarge(files, context, refuse, onProgress = () => {}) {
  const large = files.filter((file) => file.blob.size > LARGE_BYTES);
  const total = large.reduce((sum, file) => sum + file.blob.size, 0);
  const tell = () => onProgress({ sent: large.reduce((sum, file) => sum + (file.upload?.offset || 0), 0), total });
  for (const file of large) await upload(file, context, refuse, tell);
}

async function upload(file, context, refuse, tell) {
  let failures = 0, lost = 0;
  while (!file.upload || file.upload.offset < file.blob.size) {
    try {
      file.upload = file.upload ? await addPiece(file, context, refuse) : await begin(file, context, refuse);
      if (!file.upload && (lost += 1) > MOST_LOST) refuse(0, "");
      failures = 0;
      tell();
    } catch (error) {
      if (error.kind !== "network" || failures >= PAUSES_MS.length || !navigator.onLine) throw error;
      await new Promise((done) => setTimeout(done, PAUSES_MS[failures]));
      failures += 1;
    }
  }
}

async function begin(file, context, refuse) {
  const body = new FormData();
  body.set("size", file.blob.size);
  body.set("name", file.name);
  const { status, text, data } = await call(context, "POST", context.uploadsUrl, body, refuse);
  if (status !== 201 || !data.id) refuse(status, text);
  return { id: data.id, offset: data.offset || 0 };
}

// 409 says how much is there already; 404 and 410 that nothing is left of it.
async function addPiece({ blob, upload: { id, offset } }, context, refuse) {
  const piece = blob.slice(offset, offset + PIECE_BYTES);
  const { status, text, data } = await call(context, "PUT", `${context.uploadsUrl}${id}/${offset}`, piece, refuse);
  if (status === 404 || status === 410) return undefined;
  if ((status === 200 || status === 409) && Number.isInteger(data.offset)) return { id, offset: data.offset };
  return refuse(status, text);
}

async function call(context, method, url, body, refuse) {
  const headers = { Accept: "application/json", "X-CSRFToken": context.token };
  if (body instanceof Blob) headers["Content-Type"] = "application/octet-stream";
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 60000);
  try {
    const answer = await fetch(url, { method, body, headers, credentials: "same-origin", cache: "no-store", signal: stop.signal });
    const text = await answer.text();
    return { status: answer.status, text, data: parse(text) };
  } catch {
    return refuse(0, "");
  } finally {
    clearTimeout(timer);
  }
}

function parse(text) {
  try {
    return JSON.parse(text) || {};
  } catch {
    return {};
  }
}
