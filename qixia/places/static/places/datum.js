/* WGS-84, GCJ-02 (AMap, Tencent, WeChat) and BD-09 (Baidu), as in qixia/kernel/geo.py: the same formulas, the same
   iteration backwards (agrees to under a millimetre). Points are {lat, lng} in degrees. */

const A = 6378245.0;
const EE = 0.00669342162296594323;
const BD = (Math.PI * 3000) / 180;

function gcj(p) {
  const x = p.lng - 105, y = p.lat - 35, pi = Math.PI;
  const wave = 20 * Math.sin(6 * x * pi) + 20 * Math.sin(2 * x * pi);
  let dLat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x));
  dLat += ((wave + 20 * Math.sin(y * pi) + 40 * Math.sin((y / 3) * pi)) * 2) / 3;
  dLat += ((160 * Math.sin((y / 12) * pi) + 320 * Math.sin((y * pi) / 30)) * 2) / 3;
  let dLng = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x));
  dLng += ((wave + 20 * Math.sin(x * pi) + 40 * Math.sin((x / 3) * pi)) * 2) / 3;
  dLng += ((150 * Math.sin((x / 12) * pi) + 300 * Math.sin((x / 30) * pi)) * 2) / 3;
  const phi = (p.lat * pi) / 180;
  const magic = 1 - EE * Math.sin(phi) ** 2;
  return {
    lat: p.lat + (dLat * 180) / (((A * (1 - EE)) / (magic * Math.sqrt(magic))) * pi),
    lng: p.lng + (dLng * 180) / ((A / Math.sqrt(magic)) * Math.cos(phi) * pi),
  };
}

function bdFromGcj(p) {
  const z = Math.hypot(p.lng, p.lat) + 0.00002 * Math.sin(p.lat * BD);
  const theta = Math.atan2(p.lat, p.lng) + 0.000003 * Math.cos(p.lng * BD);
  return { lat: z * Math.sin(theta) + 0.006, lng: z * Math.cos(theta) + 0.0065 };
}

function backwards(forward, target, guess) {
  for (let i = 0; i < 8; i += 1) {
    const shifted = forward(guess);
    guess = { lat: guess.lat + target.lat - shifted.lat, lng: guess.lng + target.lng - shifted.lng };
  }
  return guess;
}

/** A WGS-84 point in another datum ("wgs84", "gcj02", "bd09"). */
export function fromWgs84(p, datum) {
  if (datum === "gcj02") return gcj(p);
  if (datum === "bd09") return bdFromGcj(gcj(p));
  return { lat: p.lat, lng: p.lng };
}

/** A point of another datum as WGS-84. */
export function toWgs84(p, datum) {
  if (datum === "gcj02") return backwards(gcj, p, p);
  if (datum === "bd09") {
    const inGcj = backwards(bdFromGcj, p, { lat: p.lat - 0.006, lng: p.lng - 0.0065 });
    return backwards(gcj, inGcj, inGcj);
  }
  return { lat: p.lat, lng: p.lng };
}
