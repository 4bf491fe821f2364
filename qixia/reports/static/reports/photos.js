// The photos of one report: taken, read, shrunk, shown, deleted. Nine in all, those after the repair included.
//
// `items` is what goes into the draft: {id, blob, after, name, claimed, clean, advice}. `claimed` is what the phone says about
// the photo (time, place, camera, where from, original size); the server treats it as a claim. `clean` says that the blob was
// drawn here and holds nothing but pixels. `advice` is what quality.js thinks of it, until the rider says "就用这张".

import { readExif } from "./exif.js";
import { judge } from "./quality.js";
import { PhotoTooLarge, megabytes, redraw, shrink, thumbnail } from "./shrink.js";
import { newKey } from "./drafts.js";

export const MAX_PHOTOS = 9;

export class Photos {
  constructor(root, { inputs, say, maxBytes, onChange, onExif, onError }) {
    Object.assign(this, { root, say, maxBytes, onChange, onExif, onError });
    this.items = [];
    this.busy = 0;
    this.grid = root.querySelector("[data-grid]");
    this.tile = root.querySelector("template[data-tile]");
    this.advice = root.querySelector("[data-advice]");
    for (const input of inputs) {
      input.addEventListener("change", () => this.take(input));
      input.addEventListener("click", () => (this.replacing = this.reopening ? this.replacing : null));
    }
  }

  async take(input) {
    const files = [...input.files];
    input.value = ""; // the same file may be chosen again after a deletion
    this.onError("");
    if (this.replacing && files.length) this.remove(this.replacing, this.grid.querySelector(`[data-photo="${this.replacing.id}"]`));
    this.replacing = null;
    for (const file of files) {
      if (this.items.length >= MAX_PHOTOS) return this.onError(this.say("photos-full", { n: MAX_PHOTOS }));
      await this.add(file, { after: input.hasAttribute("data-after"), source: input.hasAttribute("capture") ? "camera" : "album" });
    }
    return undefined;
  }

  async add(file, { after, source }) {
    if (!file.size) return this.onError(this.say("photo-empty"));
    this.busy += 1;
    const tile = this.newTile(after);
    this.onChange();
    try {
      const claimed = { ...(await readExif(file)), source, original_bytes: file.size };
      const blob = await shrink(file, { maxBytes: this.maxBytes });
      const photo = { id: newKey(), blob, after, name: nameFor(blob, this.items.length + 1), claimed, clean: blob !== file };
      if (!(await thumbnail(blob, tile.querySelector("canvas"))) && !(await looksRight(blob))) throw new TypeError("not a picture");
      photo.advice = await judge(blob);
      this.items.push(photo);
      this.finish(tile, photo);
      this.onExif(claimed);
    } catch (error) {
      tile.remove();
      this.onError(this.say(error instanceof PhotoTooLarge ? "photo-large" : "photo-unknown", { mb: Math.round(this.maxBytes / 1048576) }));
    } finally {
      this.busy -= 1;
      this.onChange();
    }
    return undefined;
  }

  async restore(items) {
    this.items = items;
    for (const photo of items) {
      const tile = this.newTile(photo.after);
      await thumbnail(photo.blob, tile.querySelector("canvas"));
      this.finish(tile, photo);
    }
    this.onChange();
  }

  newTile(after) {
    const tile = this.tile.content.cloneNode(true).firstElementChild;
    tile.querySelector(after ? "[data-cap-before]" : "[data-cap-after]").remove();
    const adders = this.grid.querySelector("[data-adders]");
    this.grid.insertBefore(tile, adders);
    return tile;
  }

  finish(tile, photo) {
    tile.removeAttribute("aria-busy");
    tile.dataset.photo = photo.id;
    const remove = tile.querySelector("button");
    remove.hidden = false;
    remove.addEventListener("click", () => this.remove(photo, tile));
    this.number();
  }

  remove(photo, tile) {
    const next = tile.nextElementSibling?.querySelector("button:not([hidden]), label, input") || this.root;
    this.items = this.items.filter((one) => one !== photo);
    tile.remove();
    this.number();
    this.onChange();
    next.focus?.();
  }

  // Photos of which nothing is left but the pixels, for a report that names nobody. False if this phone can't do it.
  async cleanAll() {
    for (const photo of this.items) {
      if (photo.clean) continue;
      const blob = await redraw(photo.blob);
      if (!blob) return false;
      Object.assign(photo, { blob, clean: true, name: nameFor(blob, this.items.indexOf(photo) + 1) });
    }
    return true;
  }

  // One note for each photo that may show nothing; numbers change when a photo goes.
  advise() {
    const state = this.items.map((photo) => photo.id + photo.advice).join();
    if (state === this.advised) return; // nothing new: nothing is read out again
    this.advised = state;
    const notes = this.items.map((photo, index) => photo.advice && this.note(photo, index + 1)).filter(Boolean);
    this.advice.querySelectorAll("[data-note]").forEach((note) => note.remove());
    this.advice.append(...notes);
  }

  note(photo, number) {
    const note = this.advice.querySelector("template").content.cloneNode(true).firstElementChild;
    note.querySelector("[data-text]").textContent = this.say(`photo-${photo.advice}`, { n: number });
    note.querySelector("[data-again]").addEventListener("click", () => this.takeAgain(photo));
    note.querySelector("[data-keep]").addEventListener("click", () => {
      photo.advice = "";
      this.number();
      this.onChange();
      this.grid.querySelector(`[data-photo="${photo.id}"] button`).focus();
    });
    return note;
  }

  // The photo goes when a new one is there: the camera may be closed without one.
  takeAgain(photo) {
    this.replacing = photo;
    this.reopening = true;
    this.root.ownerDocument.querySelector(photo.after ? "#shoot-after" : "#shoot-more").click();
    this.reopening = false;
  }

  number() {
    this.advise();
    [...this.grid.querySelectorAll("[data-photo]")].forEach((tile, index) => {
      tile.querySelector("button").setAttribute("aria-label", this.say("photo-delete", { n: index + 1 }));
      tile.querySelector("canvas").setAttribute("aria-label", this.say("photo-nth", { n: index + 1 }));
    });
  }

  clear() {
    this.items = [];
    for (const tile of [...this.grid.querySelectorAll("[data-tile-of]")]) tile.remove();
    this.number();
  }

  count(after) {
    return this.items.filter((one) => one.after === after).length;
  }

  get summary() {
    const bytes = this.items.reduce((sum, one) => sum + one.blob.size, 0);
    return this.items.length ? this.say("photos-sum", { n: this.items.length, max: MAX_PHOTOS, mb: megabytes(bytes) }) : "";
  }
}

// What this phone can't decode may still be a sound photo: then the server judges it.
async function looksRight(blob) {
  const head = [...new Uint8Array(await blob.slice(0, 12).arrayBuffer())].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return /^(ffd8ff|89504e47|52494646.{8}57454250)/.test(head);
}

function nameFor(blob, number) {
  const end = { "image/png": "png", "image/webp": "webp" }[blob.type] || "jpg";
  return `photo-${number}.${end}`;
}
