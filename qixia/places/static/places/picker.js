/* Choose a point: tap, drag the pin, or move it with the arrow keys. Fires `qx:place` on the element with
   {lat, lng, accuracy, datum: "wgs84", source: "map" | "device"} and, once the server has the words, `qx:where`. */

import { createMap, say } from "./map.js";

const PIN = '<svg viewBox="0 0 34 44" aria-hidden="true"><path d="M17 42C13 32 3 27 3 16a14 14 0 0 1 28 0c0 11-10 16-14 26z"/><circle cx="17" cy="16" r="5"/></svg>';
const STEP_M = 2, FAR_M = 10;
const KEYS = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Options of createMap, and: place {lat, lng, accuracy}, where (address that answers ?lat&lng with words). */
export async function createPicker(el, options = {}) {
  const view = await createMap(el, { zoom: 18, ...options });
  const picker = new Picker(view, options.where ?? el.dataset.where ?? "");
  const first = options.place ?? (el.dataset.lat ? { lat: Number(el.dataset.lat), lng: Number(el.dataset.lng), accuracy: Number(el.dataset.accuracy) || null } : null);
  if (first) picker.put(first, first.accuracy ?? null, "device", { quiet: true });
  return picker;
}

class Picker {
  constructor(view, where) {
    this.view = view;
    this.where = where;
    this.L = window.L;
    view.map.on("click", (event) => this.put(view.fromMap(event.latlng), null, "map"));
    view.el.addEventListener("qx:located", (event) => this.put(event.detail, event.detail.accuracy, "device"));
    view.el.addEventListener("keydown", (event) => this.key(event));
    if (!view.el.dataset.lat) say(view, view.word("tap"));
  }

  /** Set the pin. `accuracy` in metres, null when a person chose the point. */
  put(point, accuracy, source, { quiet = false } = {}) {
    const at = this.view.toMap(point);
    if (this.marker) this.marker.setLatLng(at);
    else this.addMarker(at);
    this.circle?.remove();
    if (accuracy) {
      this.circle = this.L.circle(at, { radius: Math.min(accuracy, 500), className: "qx-pick-reach", interactive: false }).addTo(this.view.map);
    }
    this.place = { lat: round(point.lat), lng: round(point.lng), accuracy: accuracy ?? null, datum: "wgs84", source };
    if (!this.view.map.getBounds().pad(-0.1).contains(at)) this.view.map.panTo(at);
    if (!quiet) this.view.el.dispatchEvent(new CustomEvent("qx:place", { bubbles: true, detail: this.place }));
    this.ask();
  }

  addMarker(at) {
    const icon = this.L.divIcon({ className: "qx-pick", html: PIN, iconSize: [34, 44], iconAnchor: [17, 42] });
    this.marker = this.L.marker(at, { icon, draggable: true, autoPan: true, keyboard: true, alt: this.view.word("pin") }).addTo(this.view.map);
    const element = this.marker.getElement();
    element.setAttribute("aria-label", this.view.word("pin"));
    this.marker.on("dragend", () => this.put(this.view.fromMap(this.marker.getLatLng()), null, "map"));
  }

  key(event) {
    const onPin = this.marker && event.target === this.marker.getElement();
    if (onPin && KEYS[event.key]) {
      event.preventDefault();
      event.stopPropagation();
      const [north, east] = KEYS[event.key], metres = event.shiftKey ? FAR_M : STEP_M;
      const { lat, lng } = this.place;
      const perLng = 111320 * Math.cos((lat * Math.PI) / 180);
      this.put({ lat: lat + (north * metres) / 110900, lng: lng + (east * metres) / perLng }, null, "map");
    } else if (event.target === this.view.el && event.key === "Enter") {
      event.preventDefault(); // not the form's submit: it sets the pin in the middle of the map
      this.put(this.view.fromMap(this.view.map.getCenter()), null, "map");
    }
  }

  /** The words for the place, a moment after the last move. */
  ask() {
    clearTimeout(this.timer);
    this.asked?.abort();
    if (!this.where) return say(this.view, "");
    this.timer = setTimeout(() => this.fetchWords(), 250);
    return undefined;
  }

  async fetchWords() {
    this.asked = new AbortController();
    const query = new URLSearchParams({ lat: this.place.lat, lng: this.place.lng });
    try {
      const answer = await fetch(`${this.where}?${query}`, { signal: this.asked.signal, headers: { Accept: "application/json" } });
      const body = await answer.json();
      const words = answer.ok ? body.describe : body.detail || this.view.word("outside");
      say(this.view, words);
      this.view.el.dispatchEvent(new CustomEvent("qx:where", { bubbles: true, detail: { ok: answer.ok, words } }));
    } catch (error) {
      if (error.name !== "AbortError") say(this.view, ""); // offline: the point counts, the words come later
    }
  }
}

const round = (degrees) => Math.round(degrees * 1e6) / 1e6;
