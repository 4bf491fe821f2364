// Shops on the map: the clusters of places, in words about shops. A ticked pin is open, a ring is closed.
import { createMap } from "../places/map.js";
import { attachReports } from "../places/clusters.js";

const el = document.getElementById("shop-map");
const status = document.getElementById("map-status");
const say = (text, count) => { status.textContent = (text || "").replace("%d", count); };

el.addEventListener("qx:map-shown", (event) => say(status.dataset.shown, event.detail.count));
el.addEventListener("qx:map-failed", () => say(status.dataset.failed));

const view = await createMap(el);
const plain = view.word;
view.word = (key, values = {}) => {
  if (key === "cluster") return status.dataset.cluster.replace("%d", values.count);
  return ["low", "fixed", "wait"].includes(key) ? "" : plain(key, values);
};
view.fit();
attachReports(view, {
  url: el.dataset.points,
  list: document.getElementById("map-list"),
  onSelect: (point) => location.assign(point.url),
});
