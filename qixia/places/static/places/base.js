/* Reads the vector base map (qixia/places/basemap.py, "qixia-base/1") and draws it on a canvas.
   Everything is kept in the sheet's own units (half metres, y to the north) as Path2D and drawn through one
   transformation, so a redraw costs a few milliseconds. Words are placed in screen pixels and never overlap. */

const UNIT_M = 0.5;
const PLATES = new Set(["office_tower", "park_business", "government", "mall"]);
const GROUND = {
  estate: "estate", quarter: "quarter", market: "quarter", park: "green", office_tower: "work", park_business: "work",
  government: "work", mall: "work", school: "civic", hospital: "civic",
};
const RANK = { park: 0, hospital: 1, government: 1, school: 2, mall: 2, office_tower: 2, park_business: 2, market: 3 };
const ROAD_ORDER = ["lane", "street", "avenue"];
const LEAST_PX = { avenue: 2.6, street: 1.6, lane: 0.8 };
const VEIL = [1.0, 1.02, 1.04, 1.06, 1.08, 1.1, 1.13];
export const COLOURS = [
  "land", "estate", "quarter", "work", "civic", "green", "tree", "water", "shore", "path", "house", "house-edge",
  "plate", "plate-edge", "casing", "road", "avenue", "avenue-casing", "track", "edge", "gate", "gate-fill", "road-name",
  "name", "halo", "water-name", "stop",
];

/* ── reading ─────────────────────────────────────────────────────────────── */

function points(flat) {
  const out = [];
  let x = 0, y = 0;
  for (let i = 0; i < flat.length; i += 2) {
    x += flat[i];
    y += flat[i + 1];
    out.push([x, y]);
  }
  return out;
}

function trace(path, flat, close) {
  points(flat).forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  if (close) path.closePath();
}

/** Outlines as [middle x, middle y, corners, depth]; a number starts five differences, a list is a ring of its own. */
function outlines(flat) {
  const out = [];
  const now = [0, 0, 0, 0, 0];
  for (let i = 0; i < flat.length;) {
    if (Array.isArray(flat[i])) {
      const ring = points(flat[i]);
      const sum = ring.reduce((s, p) => [s[0] + p[0], s[1] + p[1]], [0, 0]);
      out.push({ x: sum[0] / ring.length, y: sum[1] / ring.length, ring });
      i += 1;
      continue;
    }
    for (let k = 0; k < 5; k += 1) now[k] += flat[i + k];
    i += 5;
    const [x, y, w, d, tenths] = now;
    const turn = (tenths * Math.PI) / 1800, c = Math.cos(turn), s = Math.sin(turn);
    const corner = (a, b) => [x + a * c - b * s, y + a * s + b * c];
    out.push({ x, y, ring: [corner(-w / 2, -d / 2), corner(w / 2, -d / 2), corner(w / 2, d / 2), corner(-w / 2, d / 2)] });
  }
  return out;
}

function addRing(path, ring) {
  ring.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
}

/** The document as paths and labels. */
export function readBase(doc) {
  const sheet = {
    doc, grounds: {}, houses: new Path2D(), plates: new Path2D(), green: new Path2D(), water: new Path2D(),
    paths: new Path2D(), tracks: new Path2D(), trees: new Path2D(), edge: new Path2D(), roads: [], numbers: [],
    gates: [], names: [], waters: [],
  };
  doc.edge.forEach((ring) => trace(sheet.edge, ring, true));
  for (const [, ...rings] of doc.shapes.green) rings.forEach((ring) => trace(sheet.green, ring, true));
  for (const [name, ...rings] of doc.shapes.water) readWater(sheet, name, rings);
  doc.shapes.path.forEach((line) => trace(sheet.paths, line, false));
  doc.shapes.track.forEach((line) => trace(sheet.tracks, line, true));
  outlines(doc.shapes.houses).forEach(({ ring }) => addRing(sheet.houses, ring));
  doc.shapes.trees.forEach((flat) => points(flat).forEach(([x, y], i) => readTree(sheet.trees, x, y, i)));
  doc.sites.forEach((site) => readSite(sheet, site));
  doc.stops.forEach(([kind, name, x, y]) => sheet.names.push({ kind, name, x, y, rank: kind === "metro" ? 3 : 6 }));
  sheet.names.sort((a, b) => a.rank - b.rank);
  sheet.roads = doc.roads.map(([kind, name, width, flat]) => readRoad(kind, name, width, flat));
  sheet.roads.sort((a, b) => ROAD_ORDER.indexOf(a.kind) - ROAD_ORDER.indexOf(b.kind));
  return sheet;
}

function readTree(path, x, y, i) {
  const r = (4.6 + ((i * 7) % 5)) / UNIT_M;
  path.moveTo(x + r, y);
  path.arc(x, y, r, 0, Math.PI * 2);
}

function readWater(sheet, name, rings) {
  rings.forEach((ring) => trace(sheet.water, ring, true));
  if (!name) return;
  const ring = points(rings[0]);
  const xs = ring.map((p) => p[0]), ys = ring.map((p) => p[1]);
  const wide = Math.max(...xs) - Math.min(...xs);
  if (wide < 1600) {
    sheet.waters.push({ name, line: [[Math.min(...xs), mean(ys)], [Math.max(...xs), mean(ys)]], lake: true });
    return;
  }
  // A river is drawn as two banks: its middle runs between opposite points of the ring.
  const half = Math.floor(ring.length / 2);
  const line = [];
  for (let i = 0; i < half; i += 1) {
    const across = ring[ring.length - 1 - i];
    line.push([(ring[i][0] + across[0]) / 2, (ring[i][1] + across[1]) / 2]);
  }
  sheet.waters.push({ name, line, lake: false });
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

function readSite(sheet, [kind, name, x, y, rings, flat, buildingNames, gates]) {
  const ground = GROUND[kind] || "estate";
  sheet.grounds[ground] = sheet.grounds[ground] || new Path2D();
  rings.forEach((ring) => trace(sheet.grounds[ground], ring, true));
  const listed = buildingNames === "栋" ? null : buildingNames.split(",");
  outlines(flat).forEach((one, i) => {
    addRing(PLATES.has(kind) ? sheet.plates : sheet.houses, one.ring);
    sheet.numbers.push({ x: one.x, y: one.y, name: listed ? listed[i] : `${i + 1}栋` });
  });
  for (let i = 0; i < gates.length; i += 3) sheet.gates.push({ name: gates[i], x: gates[i + 1], y: gates[i + 2] });
  sheet.names.push({ kind, name, x, y, rank: RANK[kind] ?? 4 });
}

function readRoad(kind, name, width, flat) {
  const path = new Path2D();
  trace(path, flat, false);
  return { kind, name, width: width / UNIT_M, path, line: points(flat) };
}

/* ── drawing ─────────────────────────────────────────────────────────────── */

/** Draws the sheet. `view` = {width, height, ratio, scale (px a unit), x, y (screen place of the sheet's origin)}. */
export function drawBase(ctx, sheet, view, colour, font) {
  const k = view.scale / UNIT_M; // pixels a metre
  ctx.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  ctx.fillStyle = colour.land;
  ctx.fillRect(0, 0, view.width, view.height);
  ctx.setTransform(
    view.ratio * view.scale, 0, 0, -view.ratio * view.scale, view.ratio * view.x, view.ratio * view.y,
  );
  ctx.lineJoin = "round";
  drawGround(ctx, sheet, view, colour, k);
  drawRoads(ctx, sheet, view, colour, k);
  ctx.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  drawGates(ctx, sheet, view, colour, k);
  drawWords(ctx, sheet, view, colour, k, font);
}

function stroke(ctx, path, style, width) {
  ctx.strokeStyle = style;
  ctx.lineWidth = width;
  ctx.stroke(path);
}

function fill(ctx, path, style) {
  ctx.fillStyle = style;
  ctx.fill(path, "evenodd");
}

function drawGround(ctx, sheet, view, colour, k) {
  const px = 1 / view.scale;
  Object.entries(sheet.grounds).forEach(([ground, path]) => fill(ctx, path, colour[ground]));
  fill(ctx, sheet.green, colour.green);
  fill(ctx, sheet.water, colour.water);
  stroke(ctx, sheet.water, colour.shore, px);
  ctx.lineCap = "round";
  if (k > 0.16) stroke(ctx, sheet.paths, colour.path, Math.max(5 / UNIT_M, 1.2 * px));
  if (k > 0.13) {
    ctx.fillStyle = colour.tree;
    ctx.fill(sheet.trees); // crowns that touch are one green, so not by even and odd
  }
  fill(ctx, sheet.tracks, colour.green);
  stroke(ctx, sheet.tracks, colour.track, Math.max(9 / UNIT_M, 1.5 * px));
  if (k > 0.12) {
    fill(ctx, sheet.houses, colour.house);
    fill(ctx, sheet.plates, colour.plate);
  }
  if (k > 0.4) {
    stroke(ctx, sheet.houses, colour["house-edge"], 0.8 * px);
    stroke(ctx, sheet.plates, colour["plate-edge"], 0.8 * px);
  }
  ctx.lineCap = "butt";
}

function drawRoads(ctx, sheet, view, colour, k) {
  const px = 1 / view.scale;
  const wide = (road) => Math.max(road.width, LEAST_PX[road.kind] * px);
  const seen = sheet.roads.filter((road) => road.kind !== "lane" || k > 0.1);
  for (const road of seen) {
    const casing = road.kind === "avenue" ? colour["avenue-casing"] : colour.casing;
    if (road.kind !== "lane" || k > 0.35) stroke(ctx, road.path, casing, wide(road) + 1.8 * px);
  }
  for (const road of seen) stroke(ctx, road.path, road.kind === "avenue" ? colour.avenue : colour.road, wide(road));
  drawVeil(ctx, sheet, colour);
  ctx.setLineDash([9 * px, 5 * px, 2 * px, 5 * px]);
  stroke(ctx, sheet.edge, colour.edge, 1.6 * px);
  ctx.setLineDash([]);
}

/** Beyond the edge the roads fade out within a few hundred metres: what lies there is not ours to show. */
function drawVeil(ctx, sheet, colour) {
  const [west, south, east, north] = sheet.doc.bounds, { origin, units } = sheet.doc;
  const mx = ((west + east) / 2 - origin[0]) * units[0], my = ((south + north) / 2 - origin[1]) * units[1];
  const far = 40000;
  ctx.fillStyle = colour.land;
  for (let step = 0; step < VEIL.length; step += 1) {
    const veil = new Path2D(), grown = VEIL[step];
    veil.rect(mx - far, my - far, 2 * far, 2 * far);
    veil.addPath(sheet.edge, new DOMMatrix([grown, 0, 0, grown, mx * (1 - grown), my * (1 - grown)]));
    ctx.globalAlpha = step === VEIL.length - 1 ? 1 : 0.34;
    ctx.fill(veil, "evenodd");
  }
  ctx.globalAlpha = 1;
}

function place(view, x, y) {
  return [view.x + x * view.scale, view.y - y * view.scale];
}

function inside(view, x, y, margin) {
  return x > -margin && y > -margin && x < view.width + margin && y < view.height + margin;
}

function drawGates(ctx, sheet, view, colour, k) {
  if (k < 0.42) return;
  const r = Math.min(4.4, 1.6 + 2.4 * k);
  ctx.lineWidth = r * 0.6;
  ctx.fillStyle = colour["gate-fill"];
  ctx.strokeStyle = colour.gate;
  for (const gate of sheet.gates) {
    const [x, y] = place(view, gate.x, gate.y);
    if (!inside(view, x, y, 8)) continue;
    ctx.beginPath();
    ctx.arc(x, y, r, 0, Math.PI * 2);
    ctx.fill();
    ctx.stroke();
  }
}

/* ── words ───────────────────────────────────────────────────────────────── */

function makeTaken() {
  const boxes = [];
  return (x0, y0, x1, y1) => {
    for (const b of boxes) if (x0 < b[2] && b[0] < x1 && y0 < b[3] && b[1] < y1) return false;
    boxes.push([x0, y0, x1, y1]);
    return true;
  };
}

function drawWords(ctx, sheet, view, colour, k, font) {
  const take = makeTaken();
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  for (const water of sheet.waters) drawWaterName(ctx, water, view, colour, k, font, take);
  const important = sheet.names.filter((name) => name.rank <= 2 && k > 0.13);
  drawNames(ctx, important, view, colour, k, font, take);
  for (const road of [...sheet.roads].reverse()) drawRoadNames(ctx, road, view, colour, k, font, take);
  drawNames(ctx, sheet.names.filter((n) => n.rank > 2 && k > (n.rank < 6 ? 0.3 : 1)), view, colour, k, font, take);
  if (k > 1.15) drawNumbers(ctx, sheet.numbers, view, colour, font, take);
  if (k > 1.6) drawGateNames(ctx, sheet.gates, view, colour, font, take);
}

function halo(ctx, text, x, y, fillStyle, haloStyle, width = 3) {
  ctx.lineWidth = width;
  ctx.strokeStyle = haloStyle;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = fillStyle;
  ctx.fillText(text, x, y);
}

function drawNames(ctx, names, view, colour, k, font, take) {
  for (const { kind, name, x: ux, y: uy } of names) {
    const [x, y] = place(view, ux, uy);
    if (!inside(view, x, y, 80)) continue;
    const stop = kind === "bus_stop" || kind === "metro";
    const size = stop ? 11 : k > 0.8 ? 14 : k > 0.24 ? 12.5 : 11;
    ctx.font = `${stop ? 500 : 700} ${size}px ${font}`;
    const half = ctx.measureText(name).width / 2 + 3;
    if (!take(x - half, y - size * 0.75, x + half, y + size * (stop ? 1.9 : 0.75))) continue;
    if (!stop) halo(ctx, name, x, y, colour.name, colour.halo);
    else drawStop(ctx, kind, name.replace("公交站", ""), x, y, colour);
  }
}

function drawStop(ctx, kind, name, x, y, colour) {
  ctx.fillStyle = colour.stop;
  ctx.beginPath();
  ctx.arc(x, y, kind === "metro" ? 6 : 4, 0, Math.PI * 2);
  ctx.fill();
  halo(ctx, name, x, y + 13, colour.stop, colour.halo);
}

function drawNumbers(ctx, numbers, view, colour, font, take) {
  ctx.font = `500 10.5px ${font}`;
  ctx.fillStyle = colour["road-name"];
  for (const { x: ux, y: uy, name } of numbers) {
    const [x, y] = place(view, ux, uy);
    if (inside(view, x, y, 0) && take(x - 14, y - 6, x + 14, y + 6)) ctx.fillText(name, x, y + 0.5);
  }
}

function drawGateNames(ctx, gates, view, colour, font, take) {
  ctx.font = `500 11px ${font}`;
  for (const gate of gates) {
    const [x, y] = place(view, gate.x, gate.y);
    if (!inside(view, x, y, 0) || !take(x + 5, y - 8, x + 34, y + 8)) continue;
    halo(ctx, gate.name, x + 19, y + 0.5, colour.gate, colour.halo);
  }
}

function drawRoadNames(ctx, road, view, colour, k, font, take) {
  const wide = road.width * view.scale;
  const least = road.kind === "avenue" ? 6.5 : road.kind === "street" ? 5.4 : 10;
  if (wide < least) return;
  const size = Math.min(13, Math.max(10.5, wide * 0.6));
  const outside = wide < size + 1; // no room on the carriageway: letters get a halo
  ctx.font = `500 ${size}px ${font}`;
  const line = road.line.map(([x, y]) => place(view, x, y));
  const every = road.kind === "lane" ? 420 : 360;
  along(line, every, 150, (walk, s) => {
    drawAlong(ctx, road.name, walk, s, size * 1.28, view, take, (letter, x, y) => {
      if (outside) halo(ctx, letter, x, y, colour["road-name"], road.kind === "avenue" ? colour.avenue : colour.road, 2.4);
      else ctx.fillText(letter, x, y);
    }, colour["road-name"]);
  });
}

function drawWaterName(ctx, water, view, colour, k, font, take) {
  if (k < 0.11) return;
  const line = water.line.map(([x, y]) => place(view, x, y));
  const size = water.lake ? 12.5 : Math.min(19, 12 + k * 6);
  ctx.font = `italic 500 ${size}px ${font}`;
  const style = colour["water-name"];
  if (water.lake) {
    const x = (line[0][0] + line[1][0]) / 2, y = line[0][1] + 18 * Math.min(1, k);
    if (k > 0.4 && take(x - 20, y - 8, x + 20, y + 8)) halo(ctx, water.name, x, y, style, colour.water, 2);
    return;
  }
  along(line, 620, 260, (walk, s) => {
    drawAlong(ctx, water.name, walk, s, size * 2, view, take, (letter, x, y) => ctx.fillText(letter, x, y), style);
  });
}

/** Calls back every `every` pixels of the line, with a function from a length to [x, y, angle]. */
function along(line, every, first, call) {
  const lengths = [0];
  for (let i = 1; i < line.length; i += 1) {
    lengths.push(lengths[i - 1] + Math.hypot(line[i][0] - line[i - 1][0], line[i][1] - line[i - 1][1]));
  }
  const total = lengths[lengths.length - 1];
  const walk = (s) => {
    let i = 1;
    while (i < lengths.length - 1 && lengths[i] < s) i += 1;
    const part = (s - lengths[i - 1]) / (lengths[i] - lengths[i - 1] || 1);
    const [a, b] = [line[i - 1], line[i]];
    return [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, Math.atan2(b[1] - a[1], b[0] - a[0])];
  };
  if (total < first * 0.9) return;
  if (total < 2 * first) call(walk, total / 2);
  else for (let s = first; s < total - 40; s += every) call(walk, s);
}

/** Letters along a line: turned with it where it is flat, upright and stacked where it is steep, as street signs are. */
function drawAlong(ctx, text, walk, s, step, view, take, put, style) {
  const [mx, my, angle] = walk(s);
  if (!inside(view, mx, my, 60)) return;
  const steep = Math.abs(Math.sin(angle)) > 0.74;
  const forward = steep ? Math.sin(angle) > 0 : Math.cos(angle) > 0;
  const reach = ((text.length - 1) / 2) * step;
  const [a, b] = [walk(s - reach), walk(s + reach)];
  const pad = step * 0.55;
  if (!take(Math.min(a[0], b[0]) - pad, Math.min(a[1], b[1]) - pad, Math.max(a[0], b[0]) + pad, Math.max(a[1], b[1]) + pad)) return;
  ctx.fillStyle = style;
  [...text].forEach((letter, i) => {
    const [x, y, turn] = walk(s + (forward ? 1 : -1) * (i * step - reach));
    if (steep) {
      put(letter, x, y);
      return;
    }
    ctx.save();
    ctx.translate(x, y);
    ctx.rotate(forward ? turn : turn + Math.PI);
    ctx.fillStyle = style;
    put(letter, 0, 0);
    ctx.restore();
  });
}
