/* Report points on a map. The server answers GET <url>?bbox=w,s,e,n&zoom=z&state=… with
   {points: [{id, lat, lng, severity, state, title, url, place?}], clusters: [{lat, lng, count, worst}],
    heat: [[lat, lng, weight] …]}, all WGS-84. Severity is told by shape, never by colour alone; the same points are
   listed as links for those who don't see the map. */

/** The outline of a pin by severity, without a glyph: for pins that carry a number. */
export const OUTLINES = {
  critical: '<path class="qx-pin-s" d="M10.5 2.5h11l8 8v11l-8 8h-11l-8-8v-11z"/>',
  high: '<path class="qx-pin-s" d="M16 3.2L30 28H2z"/>',
  normal: '<path class="qx-pin-s" d="M16 2l14 14-14 14L2 16z"/>',
  low: '<circle class="qx-pin-s" cx="16" cy="16" r="10.5"/>',
};
const SHAPES = {
  critical: `${OUTLINES.critical}<path class="qx-pin-g" d="M16 9v8.5M16 22v.4"/>`,
  high: `${OUTLINES.high}<path class="qx-pin-g" d="M16 12.5v7M16 23.6v.4"/>`,
  normal: `${OUTLINES.normal}<circle class="qx-pin-d" cx="16" cy="16" r="3"/>`,
  low: `${OUTLINES.low}<circle class="qx-pin-o" cx="16" cy="16" r="4.4"/>`,
  fixed: '<circle class="qx-pin-s" cx="16" cy="16" r="11.5"/><path class="qx-pin-g" d="M10.8 16.4l3.6 3.6 7-7.4"/>',
};

/**
 * Show reports on a view of map.js. Options: url, states (array, empty = all), heat (bool), list (an <ol> or <ul>),
 * filters (an element with buttons [data-state] and [data-heat]), onSelect(point, event).
 */
export function attachReports(view, options) {
  return new Reports(view, options);
}

class Reports {
  constructor(view, { url, states = [], heat = false, list = null, filters = null, onSelect = null }) {
    Object.assign(this, { view, url, list, filters, onSelect, heat });
    this.L = window.L;
    this.states = new Set(states);
    this.pins = this.L.layerGroup().addTo(view.map);
    this.heatLayer = new (heatLayer(this.L))({ padding: 0.2 });
    view.map.on("moveend", () => this.soon());
    filters?.addEventListener("click", (event) => this.filter(event));
    this.markFilters();
    this.load();
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), 180);
  }

  async load() {
    this.asked?.abort();
    this.asked = new AbortController();
    this.view.el.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(this.address(), { signal: this.asked.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      this.show(await answer.json());
      this.view.el.removeAttribute("aria-busy");
    } catch (error) {
      if (error.name === "AbortError") return; // a newer question is on its way
      this.view.el.removeAttribute("aria-busy");
      this.view.el.dispatchEvent(new CustomEvent("qx:map-failed", { bubbles: true }));
    }
  }

  address() {
    const bounds = this.view.map.getBounds();
    const low = this.view.fromMap(bounds.getSouthWest()), high = this.view.fromMap(bounds.getNorthEast());
    const query = new URLSearchParams({
      bbox: [low.lng, low.lat, high.lng, high.lat].map((v) => v.toFixed(5)).join(","), zoom: Math.round(this.view.map.getZoom()),
    });
    this.states.forEach((state) => query.append("state", state));
    return `${this.url}${this.url.includes("?") ? "&" : "?"}${query}`;
  }

  show(data) {
    this.pins.clearLayers();
    this.heatLayer.remove();
    if (this.heat) {
      this.heatLayer.set(data.heat.map(([lat, lng, weight]) => [this.view.toMap({ lat, lng }), weight]));
      this.heatLayer.addTo(this.view.map);
    } else {
      data.points.forEach((point) => this.addPoint(point));
      data.clusters.forEach((cluster) => this.addCluster(cluster));
    }
    this.fillList(data);
    const count = data.points.length + data.clusters.reduce((sum, c) => sum + c.count, 0);
    this.view.el.dispatchEvent(new CustomEvent("qx:map-shown", { bubbles: true, detail: { count, data } }));
  }

  addPoint(point) {
    const shape = point.state === "fixed" ? "fixed" : point.severity;
    const icon = this.L.divIcon({
      className: `qx-pin qx-pin-${shape}`, html: `<svg viewBox="0 0 32 32" aria-hidden="true">${SHAPES[shape] || SHAPES.low}</svg>`, iconSize: [30, 30],
    });
    const marker = this.L.marker(this.view.toMap(point), { icon, title: this.words(point), alt: this.words(point), riseOnHover: true, zIndexOffset: zIndex(point) });
    marker.on("click", (event) => this.select(point, event)).addTo(this.pins);
    marker.getElement()?.setAttribute("aria-label", this.words(point));
  }

  words(point) {
    const { word } = this.view;
    return [word(point.severity), point.title, point.place, word(point.state)].filter(Boolean).join("，");
  }

  select(point, event) {
    if (this.onSelect) this.onSelect(point, event);
    else window.location.assign(point.url);
  }

  addCluster(cluster) {
    const size = cluster.count < 10 ? 36 : cluster.count < 100 ? 42 : 50;
    const text = this.view.word("cluster", { count: cluster.count, worst: this.view.word(cluster.worst) });
    const icon = this.L.divIcon({
      className: `qx-cluster qx-cluster-${cluster.worst}`, iconSize: [size, size],
      html: `<span>${Number(cluster.count)}</span><svg viewBox="0 0 32 32" aria-hidden="true">${SHAPES[cluster.worst] || SHAPES.low}</svg>`,
    });
    const at = this.view.toMap(cluster);
    const marker = this.L.marker(at, { icon, title: text, alt: text });
    marker.on("click", () => this.view.map.setView(at, Math.min(this.view.map.getZoom() + 1.5, 19))).addTo(this.pins);
    marker.getElement()?.setAttribute("aria-label", text);
  }

  fillList({ points, clusters }) {
    if (!this.list) return;
    const items = points.map((point) => {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = point.url;
      link.textContent = this.words(point);
      item.append(link);
      return item;
    });
    const more = clusters.reduce((sum, cluster) => sum + cluster.count, 0);
    if (more) {
      const item = document.createElement("li");
      item.textContent = this.view.word("merged", { count: more });
      items.push(item);
    }
    this.list.replaceChildren(...items);
  }

  filter(event) {
    const button = event.target.closest("[data-state], [data-heat]");
    if (!button) return;
    if ("heat" in button.dataset) this.heat = !this.heat;
    else if (!button.dataset.state) this.states.clear();
    else if (!this.states.delete(button.dataset.state)) this.states.add(button.dataset.state);
    this.markFilters();
    this.load();
  }

  markFilters() {
    this.filters?.querySelectorAll("[data-state]").forEach((button) => {
      const on = button.dataset.state ? this.states.has(button.dataset.state) : this.states.size === 0;
      button.setAttribute("aria-pressed", String(on));
    });
    this.filters?.querySelectorAll("[data-heat]").forEach((button) => button.setAttribute("aria-pressed", String(this.heat)));
  }
}

function zIndex(point) {
  return point.state === "fixed" ? 0 : { critical: 300, high: 200, normal: 100 }[point.severity] || 0;
}

/** Soft spots added up on a canvas, then coloured by the tokens --qx-heat-1 … 4. */
function heatLayer(L) {
  return L.Renderer.extend({
    set(spots) { this._spots = spots; },
    _initContainer() {
      this._container = document.createElement("canvas");
      this._container.className = "qx-heat";
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
      const size = this._bounds.getSize(), canvas = this._container;
      L.DomUtil.setPosition(canvas, this._bounds.min);
      canvas.width = size.x;
      canvas.height = size.y;
      drawHeat(canvas, (this._spots || []).map(([at, weight]) => [this._map.latLngToLayerPoint(at).subtract(this._bounds.min), weight]),
        ramp(this._map.getContainer()), 14 + 2.2 * Math.max(0, this._map.getZoom() - 12) ** 1.7);
    },
  });
}

function drawHeat(canvas, spots, colours, radius) {
  const ctx = canvas.getContext("2d", { willReadFrequently: true });
  const heaviest = Math.max(1, ...spots.map((spot) => spot[1]));
  for (const [{ x, y }, weight] of spots) {
    const spot = ctx.createRadialGradient(x, y, 0, x, y, radius);
    spot.addColorStop(0, `rgba(0,0,0,${0.16 + 0.5 * (weight / heaviest)})`);
    spot.addColorStop(1, "rgba(0,0,0,0)");
    ctx.fillStyle = spot;
    ctx.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
  }
  if (!canvas.width || !canvas.height) return;
  const image = ctx.getImageData(0, 0, canvas.width, canvas.height), data = image.data;
  for (let i = 0; i < data.length; i += 4) {
    const heat = data[i + 3];
    if (!heat) continue;
    const [r, g, b] = colours[heat];
    data[i] = r;
    data[i + 1] = g;
    data[i + 2] = b;
    data[i + 3] = Math.min(205, 40 + heat * 1.1) * Math.min(1, heat / 26);
  }
  ctx.putImageData(image, 0, 0);
}

/** 256 steps through the four heat tokens. */
function ramp(el) {
  const style = getComputedStyle(el);
  const canvas = document.createElement("canvas");
  canvas.width = 256;
  canvas.height = 1;
  const ctx = canvas.getContext("2d");
  const line = ctx.createLinearGradient(0, 0, 256, 0);
  [1, 2, 3, 4].forEach((n) => line.addColorStop([0.05, 0.32, 0.6, 0.9][n - 1], style.getPropertyValue(`--qx-heat-${n}`).trim() || "#a5201b"));
  ctx.fillStyle = line;
  ctx.fillRect(0, 0, 256, 1);
  const data = ctx.getImageData(0, 0, 256, 1).data;
  return Array.from({ length: 256 }, (_, i) => [data[i * 4], data[i * 4 + 1], data[i * 4 + 2]]);
}
