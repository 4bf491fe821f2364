// Where it is: the phone's position, else the photo's, else a tap on the map. Degrees WGS-84, accuracy in metres.
//
// A browser gives WGS-84 in every country; only map services shift it. What the rider picked by hand is never overwritten
// by a later reading. The words for a position ("学府巷口，学府路西侧") come from the server; without network the position
// alone is enough.

const LOOK_MS = 10000;
const FAR_M = 200;

export class Place {
  constructor(root, say, onChange) {
    this.root = root;
    this.say = say;
    this.onChange = onChange;
    this.fields = Object.fromEntries(["lat", "lng", "accuracy_m", "place_source"].map((name) => [name, root.querySelector(`[name=${name}]`)]));
    this.title = root.querySelector("[data-place-title]");
    this.detail = root.querySelector("[data-place-detail]");
    this.still = root.querySelector("[data-still]");
    this.still.addEventListener("load", () => (this.still.hidden = Boolean(this.picker)));
    this.still.addEventListener("error", () => (this.still.hidden = true));
    this.found = Promise.resolve();
    root.querySelector("[data-relocate]").addEventListener("click", () => this.locate({ byHand: true }));
    root.querySelector("[data-open-map]").addEventListener("click", () => this.openMap());
    root.querySelector("[data-use-photo]").addEventListener("click", () => this.usePhoto());
    root.querySelector("[data-keep-place]").addEventListener("click", () => this.keepPlace());
  }

  get known() {
    return this.fields.lat.value !== "" && this.fields.lng.value !== "";
  }

  // Without the rider's consent no position is read, neither from the phone nor from a photo: only a tap on the map.
  get mapOnly() {
    return "mapOnly" in this.root.dataset;
  }

  // Resolves when a position is there or the phone gave up; never rejects.
  locate({ byHand = false } = {}) {
    if (this.mapOnly || !navigator.geolocation || !window.isSecureContext) {
      this.fallBack();
      return this.found;
    }
    this.busy(true);
    this.found = new Promise((done) => {
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => {
          if (byHand || !this.known || this.fields.place_source.value === "photo") this.set(coords.latitude, coords.longitude, "gps", coords.accuracy);
          done();
        },
        () => {
          if (!this.known) this.fallBack();
          done();
        },
        { enableHighAccuracy: true, timeout: LOOK_MS, maximumAge: byHand ? 0 : 20000 },
      );
    }).finally(() => this.busy(false));
    return this.found;
  }

  fallBack() {
    if (this.photo && !this.mapOnly) this.usePhoto();
    else this.show(this.say("place-none"), this.say("place-none-hint"));
    this.onChange();
  }

  // A photo from the album may show another place than the one where the rider stands now: ask, don't guess.
  offerPhoto(claimed) {
    if (claimed.lat === undefined) return;
    this.photo = claimed;
    if (!this.known) {
      if (!this.root.hasAttribute("aria-busy")) this.usePhoto();
      return;
    }
    const away = metres(this.fields.lat.value, this.fields.lng.value, claimed.lat, claimed.lng);
    this.root.querySelector("[data-photo-far]").hidden = away < FAR_M || this.fields.place_source.value !== "gps";
  }

  keepPlace() {
    this.root.querySelector("[data-photo-far]").hidden = true;
    this.root.querySelector("[data-open-map]").focus();
  }

  usePhoto() {
    if (this.mapOnly) return;
    this.root.querySelector("[data-photo-far]").hidden = true;
    this.set(this.photo.lat, this.photo.lng, "photo", "");
  }

  set(lat, lng, source, accuracy = "", { fromMap = false } = {}) {
    this.fields.lat.value = Number(lat).toFixed(6);
    this.fields.lng.value = Number(lng).toFixed(6);
    this.fields.accuracy_m.value = accuracy === "" ? "" : Math.max(1, Math.round(accuracy));
    this.fields.place_source.value = source;
    if (source !== "gps") this.root.querySelector("[data-photo-far]").hidden = true; // the rider has decided
    if (!fromMap) this.picker?.put?.({ lat: Number(lat), lng: Number(lng) }, accuracy === "" ? null : accuracy, source === "gps" ? "device" : "map", { quiet: true });
    this.drawStill();
    this.onChange();
    this.describe();
  }

  async describe() {
    const { lat, lng, accuracy_m: accuracy, place_source: source } = this.fields;
    const how = source.value === "gps" && accuracy.value ? this.say("place-accuracy", { m: accuracy.value }) : this.say(`place-by-${source.value || "map"}`);
    this.show(this.title.dataset.last || this.say("place-got"), how);
    const turn = (this.turn = (this.turn || 0) + 1);
    try {
      const answer = await fetch(`${this.root.dataset.url}?lat=${lat.value}&lng=${lng.value}`, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      const found = await answer.json();
      if (turn !== this.turn) return;
      if (answer.ok) {
        this.title.dataset.last = found.title;
        this.show(found.title, [found.detail, how].filter(Boolean).join("，"));
      } else if (answer.status === 422) this.outside(found.detail);
    } catch {
      // no network: the position alone goes with the report
    }
  }

  outside(reason) {
    delete this.title.dataset.last;
    this.fields.lat.value = "";
    this.fields.lng.value = "";
    this.still.hidden = true;
    this.show(reason, this.say("place-none-hint"));
    this.onChange();
  }

  show(title, detail) {
    this.title.textContent = title;
    this.detail.textContent = detail;
  }

  busy(is) {
    this.root.toggleAttribute("aria-busy", is);
    if (is && !this.known) this.show(this.say("place-busy"), this.say("place-busy-hint"));
  }

  // The map and its script are loaded only now: most reports never need them.
  async openMap() {
    const box = this.root.querySelector("[data-map]");
    if (this.picker) return box.scrollIntoView({ block: "center" });
    this.picker = "opening"; // one at a time
    box.hidden = false;
    const map = box.querySelector(".qx-livemap");
    try {
      for (const address of this.root.dataset.mapCss.split(" ")) addStyles(address);
      const module = await import(this.root.dataset.picker);
      const place = this.known ? { lat: Number(this.fields.lat.value), lng: Number(this.fields.lng.value), accuracy: Number(this.fields.accuracy_m.value) || null } : undefined;
      this.picker = await module.createPicker(map, { where: "", place, center: place });
      map.addEventListener("qx:place", ({ detail }) => this.set(detail.lat, detail.lng, detail.source === "device" ? "gps" : "map", detail.accuracy ?? "", { fromMap: true }));
      this.still.hidden = true;
    } catch {
      this.picker = null;
      box.hidden = true;
      this.show(this.say("map-failed"), this.say("place-none-hint"));
    }
    return undefined;
  }

  drawStill() {
    if (this.picker || !navigator.onLine) return;
    const theme = document.documentElement.dataset.bsTheme === "dark" ? "dark" : "light";
    this.still.src = `${this.root.dataset.still}?${new URLSearchParams({ lat: Number(this.fields.lat.value).toFixed(5), lng: Number(this.fields.lng.value).toFixed(5), w: 358, h: 168, theme })}`;
  }
}

function addStyles(address) {
  if (document.querySelector(`link[href="${address}"]`)) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  document.head.append(link);
}

function metres(lat1, lng1, lat2, lng2) {
  const radians = Math.PI / 180;
  const x = (lng2 - lng1) * radians * Math.cos(((Number(lat1) + Number(lat2)) / 2) * radians);
  return 6371000 * Math.hypot(x, (lat2 - lat1) * radians);
}
