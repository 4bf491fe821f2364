/* A live map: Leaflet for moving and zooming, our own vector base (or a provider's tiles) below.
   Inside Qixia every position is WGS-84; `toMap` and `fromMap` of a view are the only way to the datum of the base. */

import { COLOURS, drawBase, readBase } from "./base.js";
import { fromWgs84, toWgs84 } from "./datum.js";
import { wordsOf } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const bases = new Map(); // address → promise of a sheet
let leaflet = null;

/** Leaflet as the global L: already on the page, or fetched now. */
export function loadLeaflet() {
  if (window.L) return Promise.resolve(window.L);
  leaflet = leaflet || new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("../ui/vendor/leaflet/leaflet.js", import.meta.url);
    script.onload = () => resolve(window.L);
    script.onerror = () => {
      leaflet = null;
      reject(new Error("leaflet"));
    };
    document.head.append(script);
  });
  return leaflet;
}

function loadBase(address) {
  if (!bases.has(address)) {
    const asked = fetch(address, { credentials: "same-origin" }).then((answer) => {
      if (!answer.ok) throw new Error(`base map ${answer.status}`);
      return answer.json();
    }).then(readBase);
    asked.catch(() => bases.delete(address)); // a lost connection is no reason to stay blank
    bases.set(address, asked);
  }
  return bases.get(address);
}

/**
 * Turn an element into a map. Options default to the data attributes that {% live_map %} writes:
 * base (address of the vector base), kind ("builtin" | "xyz"), tiles, datum of the tiles, bounds "w,s,e,n",
 * center {lat, lng} in WGS-84, zoom, interactive, locate (false: no button).
 * Returns a view: {map, el, toMap, fromMap, fit, setCenter, whenDrawn, word, destroy}.
 */
export async function createMap(el, options = {}) {
  const set = settings(el, options);
  const L = await loadLeaflet();
  const map = L.map(el, {
    attributionControl: false, zoomControl: false, minZoom: 12, maxZoom: set.kind === "xyz" ? set.maxZoom : 20,
    zoomSnap: set.kind === "xyz" ? 1 : 0.25, wheelPxPerZoomLevel: 90, zoomAnimation: true, keyboard: set.interactive,
    dragging: set.interactive, touchZoom: set.interactive, scrollWheelZoom: set.interactive, tap: set.interactive,
    doubleClickZoom: set.interactive, boxZoom: set.interactive, maxBoundsViscosity: 0.8,
  });
  const view = makeView(L, map, el, set);
  map.setMaxBounds(view.box.pad(0.5));
  if (set.center) map.setView(view.toMap(set.center), set.zoom);
  else view.fit();
  if (set.kind === "xyz") addTiles(L, map, set, view);
  else addSheet(L, map, set, view);
  addFurniture(L, map, set, view);
  return view;
}

function settings(el, options) {
  const data = el.dataset;
  const place = data.lat && data.lng ? { lat: Number(data.lat), lng: Number(data.lng) } : null;
  return {
    base: data.base, kind: data.kind || "builtin", tiles: data.tiles, subdomains: data.subdomains || "abc",
    maxZoom: Number(data.maxZoom || 19), credit: data.credit || "", datum: data.datum || "wgs84",
    bounds: (data.bounds || "118.57,24.88,118.63,24.92").split(",").map(Number), center: place,
    zoom: Number(data.zoom || 16), interactive: true, ...options,
  };
}

function makeView(L, map, el, set) {
  const datum = set.kind === "xyz" ? set.datum : "wgs84"; // our own base is WGS-84
  const toMap = (p) => {
    const moved = fromWgs84(p, datum);
    return L.latLng(moved.lat, moved.lng);
  };
  const fromMap = (p) => toWgs84({ lat: p.lat, lng: p.lng }, datum);
  const [west, south, east, north] = set.bounds;
  let drawn;
  const whenDrawn = new Promise((resolve) => { drawn = resolve; });
  return {
    map, el, toMap, fromMap, whenDrawn, drawn, word: wordsOf(el),
    box: L.latLngBounds(toMap({ lat: south, lng: west }), toMap({ lat: north, lng: east })),
    /** The whole city on a wide screen; on a tall one closer, so that streets are still streets. */
    fit() {
      const size = map.getSize(), share = size.y > size.x ? 0.5 : 0.3;
      const whole = map.getBoundsZoom(this.box), full = map.getBoundsZoom(this.box, true);
      map.setView(this.box.getCenter(), Math.round((whole + share * Math.max(0, full - whole)) * 4) / 4, { animate: false });
    },
    setCenter(p, zoom) { map.setView(toMap(p), zoom ?? map.getZoom()); },
    destroy() { map.remove(); },
  };
}

/* ── base ────────────────────────────────────────────────────────────────── */

function addTiles(L, map, set, view) {
  L.tileLayer(set.tiles, { subdomains: set.subdomains, maxZoom: set.maxZoom }).on("load", view.drawn).addTo(map);
}

function addSheet(L, map, set, view) {
  const layer = new (sheetLayer(L))({ pane: "tilePane", padding: 0.35 });
  layer.addTo(map);
  watchTheme(() => layer.repaint(), map);
  set.base && loadBase(set.base).then((sheet) => {
    layer.show(sheet);
    view.credit?.(sheet.doc);
    view.drawn();
  }).catch(() => view.el.classList.add("is-bare")); // the page still works: pins on plain ground
}

/** A Leaflet renderer that holds one canvas and draws the whole sheet on it; moved and scaled while the map animates. */
function sheetLayer(L) {
  return L.Renderer.extend({
    show(sheet) {
      this._sheet = sheet;
      this.repaint();
    },
    repaint() {
      this._colour = null;
      if (this._map) this._update();
    },
    getEvents() {
      const events = L.Renderer.prototype.getEvents.call(this);
      events.resize = this._update; // a map in a tab that opens late
      return events;
    },
    _initContainer() {
      this._container = document.createElement("canvas");
      this._container.setAttribute("aria-hidden", "true");
    },
    _destroyContainer() { this._container.remove(); },
    _updatePaths() {},
    _onZoomEnd() {},
    _reset() {
      this._update();
      this._updateTransform(this._center, this._zoom);
    },
    _update() {
      if (this._map._animatingZoom && this._bounds) return;
      L.Renderer.prototype._update.call(this);
      const size = this._bounds.getSize(), ratio = Math.min(window.devicePixelRatio || 1, 2.5);
      const canvas = this._container;
      L.DomUtil.setPosition(canvas, this._bounds.min);
      canvas.width = size.x * ratio;
      canvas.height = size.y * ratio;
      canvas.style.width = `${size.x}px`; // through CSSOM: a strict CSP allows it
      canvas.style.height = `${size.y}px`;
      this._paint(size, ratio);
    },
    _paint(size, ratio) {
      this._colour = this._colour || readColours(this._map.getContainer());
      const ctx = canvas2d(this._container);
      if (!this._sheet) {
        ctx.fillStyle = this._colour.land;
        ctx.fillRect(0, 0, this._container.width, this._container.height);
        return;
      }
      drawBase(ctx, this._sheet, this._view(size, ratio), this._colour, this._colour.font);
    },
    /** Sheet to screen, exact at the middle of the view; Mercator bends by centimetres across a screen. */
    _view(size, ratio) {
      const { origin, units } = this._sheet.doc;
      const top = this._bounds.min, map = this._map;
      const middle = map.layerPointToLatLng(top.add(size.divideBy(2)));
      const px = (lat, lng) => map.project([lat, lng], map.getZoom());
      const step = 0.001, here = px(middle.lat, middle.lng);
      const scale = (px(middle.lat, middle.lng + step).x - here.x) / (step * units[0]);
      const ux = (middle.lng - origin[0]) * units[0], uy = (middle.lat - origin[1]) * units[1];
      return { width: size.x, height: size.y, ratio, scale, x: size.x / 2 - ux * scale, y: size.y / 2 + uy * scale };
    },
  });
}

function canvas2d(canvas) {
  return canvas.getContext("2d", { alpha: false });
}

function readColours(el) {
  const style = getComputedStyle(el);
  const out = { font: style.getPropertyValue("font-family") || "sans-serif" };
  for (const name of COLOURS) out[name] = style.getPropertyValue(`--qx-map-${name}`).trim() || "#888";
  return out;
}

function watchTheme(repaint, map) {
  const watch = new MutationObserver(repaint);
  watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
  const night = window.matchMedia("(prefers-color-scheme: dark)");
  night.addEventListener?.("change", repaint);
  map.on("unload", () => {
    watch.disconnect();
    night.removeEventListener?.("change", repaint);
  });
}

/* ── furniture ───────────────────────────────────────────────────────────── */

function addFurniture(L, map, set, view) {
  const credit = L.control.attribution({ prefix: false, position: "bottomright" }).addTo(map);
  if (set.kind === "xyz") credit.addAttribution(escapeText(set.credit));
  view.credit = (doc) => credit.addAttribution(escapeText(view.word(doc.demo ? "demo" : "credit", { name: doc.name })));
  if (!set.interactive) return;
  L.control.scale({ imperial: false, maxWidth: 84, position: "bottomleft" }).addTo(map);
  const tools = L.control({ position: "topright" });
  tools.onAdd = () => toolbar(L, map, view, set);
  tools.addTo(map);
}

function escapeText(text) {
  const span = document.createElement("span");
  span.textContent = text;
  return span.innerHTML;
}

function toolbar(L, map, view, set) {
  const box = document.createElement("div");
  box.className = "qx-map-buttons";
  box.append(
    tool(view.word("zoomIn"), "M12 5v14M5 12h14", () => map.zoomIn(1)),
    tool(view.word("zoomOut"), "M5 12h14", () => map.zoomOut(1)),
  );
  if (set.locate !== false && navigator.geolocation) {
    const button = tool(view.word("locate"), "M12 2v4M12 18v4M2 12h4M18 12h4M12 7a5 5 0 1 0 0 10a5 5 0 1 0 0-10", () => locateMe(L, view, button));
    box.append(button);
  }
  L.DomEvent.disableClickPropagation(box);
  return box;
}

function tool(label, d, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.title = label;
  button.setAttribute("aria-label", label);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", d);
  svg.append(path);
  button.append(svg);
  button.addEventListener("click", act);
  return button;
}

/** Ask the device where it is; shows a dot with its accuracy and fires `qx:located` or `qx:not-located`. */
export function locateMe(L, view, button) {
  button?.setAttribute("aria-busy", "true");
  const done = () => button?.removeAttribute("aria-busy");
  navigator.geolocation.getCurrentPosition((position) => {
    done();
    const { latitude: lat, longitude: lng, accuracy } = position.coords;
    showMe(L, view, { lat, lng, accuracy });
    view.el.dispatchEvent(new CustomEvent("qx:located", { bubbles: true, detail: { lat, lng, accuracy, datum: "wgs84" } }));
  }, (error) => {
    done();
    view.el.dispatchEvent(new CustomEvent("qx:not-located", { bubbles: true, detail: { reason: error.code } }));
    say(view, view.word(error.code === 1 ? "noPermission" : "noPosition"));
  }, { enableHighAccuracy: true, timeout: 10000, maximumAge: 5000 });
}

function showMe(L, view, { lat, lng, accuracy }) {
  const at = view.toMap({ lat, lng });
  view.me?.remove();
  view.me = L.layerGroup([
    L.circle(at, { radius: accuracy, className: "qx-me-reach", interactive: false }),
    L.marker(at, { icon: L.divIcon({ className: "qx-me", iconSize: [18, 18] }), interactive: false, keyboard: false }),
  ]).addTo(view.map);
  if (view.box.contains(at)) view.map.setView(at, Math.max(view.map.getZoom(), 17));
  else say(view, view.word("elsewhere"));
}

/** A line of text over the map, read out by screen readers. */
export function say(view, text) {
  let note = view.el.querySelector(":scope > .qx-map-note");
  if (!note) {
    note = document.createElement("p");
    note.className = "qx-map-note";
    note.setAttribute("role", "status");
    view.el.append(note);
  }
  note.textContent = text;
  note.hidden = !text;
}
