// The clip of one report: chosen, looked at, shown with its first picture, deleted. One clip, at most 30 s and 50 MB.
//
// Length and first picture come from a video element. A phone that can't play the file sends it all the same if its first
// bytes are a clip's: the server judges. `item` goes into the draft: {blob, name, about}.

import { megabytes } from "./shrink.js";

const MOST_S = 31; // a phone that stops after thirty seconds may add one
const LOOK_MS = 8000;
const ENDS = { mp4: "mp4", mov: "mov", webm: "webm" };

export class Clip {
  constructor(root, { say, maxBytes, onChange, onError }) {
    Object.assign(this, { root, say, maxBytes, onChange, onError });
    this.item = null;
    this.busy = 0;
    this.input = root.querySelector("input");
    this.row = root.querySelector("[data-clip-row]");
    this.input.addEventListener("change", () => this.take());
    root.querySelector("[data-clip-drop]").addEventListener("click", () => {
      this.clear();
      this.onChange();
      this.input.focus();
    });
  }

  async take() {
    const [file] = this.input.files;
    this.input.value = "";
    this.onError("");
    if (!file) return;
    this.busy = 1;
    this.onChange();
    try {
      const kind = await kindOf(file);
      if (!kind) return void this.onError(this.say("clip-unknown"));
      if (file.size > this.maxBytes) return void this.onError(this.say("clip-large", { mb: Math.round(this.maxBytes / 1048576) }));
      const seconds = await this.look(file);
      if (seconds > MOST_S) return void this.onError(this.say("clip-long", { s: Math.round(seconds) }));
      // A blob without the name that the camera gave: it can hold time and place.
      this.item = { blob: new Blob([file], { type: file.type }), name: `clip-1.${ENDS[kind]}`, seconds };
      this.show();
    } finally {
      this.busy = 0;
      this.onChange();
    }
  }

  // Draws the first picture and returns the length in seconds; 0 if it can't be told.
  async look(file) {
    const canvas = this.row.querySelector("canvas");
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.preload = "auto";
    const address = URL.createObjectURL(file);
    try {
      const seconds = await once(video, "loadeddata", () => (video.src = address)).then(() => video.duration);
      await once(video, "seeked", () => (video.currentTime = Math.min(0.2, Number.isFinite(seconds) ? seconds / 2 : 0)));
      paint(video, canvas);
      return Number.isFinite(seconds) ? seconds : 0;
    } catch {
      return 0;
    } finally {
      video.removeAttribute("src");
      URL.revokeObjectURL(address);
    }
  }

  async restore(item) {
    this.item = item || null;
    if (item) await this.look(item.blob);
    this.show();
  }

  clear() {
    this.item = null;
    this.show();
  }

  show() {
    this.row.hidden = !this.item;
    this.root.querySelector("[data-clip-add]").hidden = Boolean(this.item);
    if (!this.item) return;
    const { seconds, blob } = this.item;
    const about = { s: Math.max(1, Math.round(seconds)), mb: megabytes(blob.size) };
    this.row.querySelector("[data-clip-about]").textContent = this.say(seconds ? "clip-about" : "clip-size", about);
  }
}

function once(video, event, start) {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error("late")), LOOK_MS);
    video.addEventListener(event, () => done(clearTimeout(timer)), { once: true });
    video.addEventListener("error", () => fail(new Error("not playable")), { once: true });
    start();
  });
}

function paint(video, canvas) {
  const scale = Math.max(canvas.width / video.videoWidth, canvas.height / video.videoHeight);
  const width = video.videoWidth * scale, height = video.videoHeight * scale;
  canvas.getContext("2d").drawImage(video, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}

// From the first bytes: a box "ftyp" or an EBML head, as the server looks for.
async function kindOf(file) {
  const head = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const text = String.fromCharCode(...head);
  if (head[0] === 0x1a && head[1] === 0x45 && head[2] === 0xdf && head[3] === 0xa3) return "webm";
  if (text.slice(4, 8) === "ftyp") return text.slice(8, 10) === "qt" ? "mov" : "mp4";
  return ["moov", "mdat", "wide", "free", "skip"].includes(text.slice(4, 8)) ? "mov" : "";
}
