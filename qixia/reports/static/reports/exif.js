// What a camera wrote into a JPEG: time, place, make and model, orientation.
//
// Read on the phone before the photo is shrunk, because shrinking drops it. It is only a claim: the server stores it as
// such and compares. Units: degrees WGS-84 (what EXIF says, unless the file names another datum), time as the camera's
// wall clock ("2026-11-22T07:42:00", with "+08:00" only if the file has it). A file that makes no sense gives {}: no error
// may stop a report. Every read is bounds-checked by DataView; entry counts are capped; there is no recursion.

const HEAD_BYTES = 256 * 1024;
const MAX_SEGMENTS = 40;
const MAX_ENTRIES = 120;
const MAX_TEXT = 64;
const SIZE_OF = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8 };

const MAKE = 0x010f, MODEL = 0x0110, ORIENTATION = 0x0112, EXIF_IFD = 0x8769, GPS_IFD = 0x8825;
const TAKEN = 0x9003, TAKEN_OFFSET = 0x9011;
const LAT_REF = 1, LAT = 2, LNG_REF = 3, LNG = 4, DATUM = 0x12;

export async function readExif(file) {
  try {
    return parseExif(await file.slice(0, HEAD_BYTES).arrayBuffer());
  } catch {
    return {};
  }
}

export function parseExif(buffer) {
  try {
    const tiff = findTiff(new DataView(buffer));
    return tiff ? claims(tiff) : {};
  } catch {
    return {}; // a RangeError from DataView: an offset pointed outside the file
  }
}

function findTiff(view) {
  if (view.byteLength < 12 || view.getUint16(0) !== 0xffd8) return null;
  let at = 2;
  for (let n = 0; n < MAX_SEGMENTS && at + 4 <= view.byteLength; n += 1) {
    const marker = view.getUint16(at);
    const length = view.getUint16(at + 2);
    if (marker < 0xff00 || marker === 0xffda || length < 2) return null;
    const isExif = marker === 0xffe1 && length > 16 && view.getUint32(at + 4) === 0x45786966 && view.getUint16(at + 8) === 0;
    if (isExif) {
      const size = Math.min(length - 8, view.byteLength - at - 10);
      return new DataView(view.buffer, view.byteOffset + at + 10, size);
    }
    at += 2 + length;
  }
  return null;
}

function claims(tiff) {
  const order = tiff.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return {};
  const little = order === 0x4949;
  if (tiff.getUint16(2, little) !== 42) return {};
  const main = readDirectory(tiff, tiff.getUint32(4, little), little);
  const detail = main.get(EXIF_IFD) ? readDirectory(tiff, main.get(EXIF_IFD)[0], little) : new Map();
  const gps = main.get(GPS_IFD) ? readDirectory(tiff, main.get(GPS_IFD)[0], little) : new Map();
  const found = {
    taken_at: cameraTime(detail.get(TAKEN), detail.get(TAKEN_OFFSET)),
    camera: cameraName(main.get(MAKE), main.get(MODEL)),
    orientation: orientationOf(main.get(ORIENTATION)),
    ...cameraPlace(gps),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

// tag → text, or an array of numbers. Unknown types and values outside the file are left out.
function readDirectory(tiff, offset, little) {
  const entries = new Map();
  const count = Math.min(tiff.getUint16(offset, little), MAX_ENTRIES);
  for (let n = 0; n < count; n += 1) {
    const at = offset + 2 + n * 12;
    if (at + 12 > tiff.byteLength) break;
    const type = tiff.getUint16(at + 2, little);
    const length = tiff.getUint32(at + 4, little);
    const bytes = (SIZE_OF[type] || 0) * length;
    if (!bytes || length > 2048) continue;
    const start = bytes <= 4 ? at + 8 : tiff.getUint32(at + 8, little);
    if (start + bytes > tiff.byteLength) continue;
    entries.set(tiff.getUint16(at, little), type === 2 ? readText(tiff, start, length) : readNumbers(tiff, start, type, Math.min(length, 8), little));
  }
  return entries;
}

function readText(tiff, start, length) {
  let text = "";
  for (let n = 0; n < Math.min(length, MAX_TEXT); n += 1) {
    const code = tiff.getUint8(start + n);
    if (code === 0) break;
    if (code >= 32 && code < 127) text += String.fromCharCode(code);
  }
  return text.trim();
}

function readNumbers(tiff, start, type, length, little) {
  const numbers = [];
  for (let n = 0; n < length; n += 1) {
    const at = start + n * SIZE_OF[type];
    if (type === 3) numbers.push(tiff.getUint16(at, little));
    else if (type === 4) numbers.push(tiff.getUint32(at, little));
    else if (type === 9) numbers.push(tiff.getInt32(at, little));
    else if (type === 5) numbers.push(tiff.getUint32(at, little) / tiff.getUint32(at + 4, little));
    else if (type === 10) numbers.push(tiff.getInt32(at, little) / tiff.getInt32(at + 4, little));
    else numbers.push(tiff.getUint8(at));
  }
  return numbers;
}

function cameraTime(text, offset) {
  const parts = typeof text === "string" && /^(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)$/.exec(text);
  if (!parts || parts[1] < "1990" || parts[2] === "00") return undefined;
  const zone = typeof offset === "string" && /^[+-]\d\d:\d\d$/.test(offset) ? offset : "";
  return `${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}${zone}`;
}

function cameraName(make, model) {
  const brand = typeof make === "string" ? make : "";
  const type = typeof model === "string" ? model : "";
  const name = type.toLowerCase().startsWith(brand.toLowerCase()) ? type : `${brand} ${type}`;
  return name.trim() || undefined;
}

function orientationOf(value) {
  return value && value[0] >= 1 && value[0] <= 8 ? value[0] : undefined;
}

function cameraPlace(gps) {
  const lat = degrees(gps.get(LAT), gps.get(LAT_REF), "S", 90);
  const lng = degrees(gps.get(LNG), gps.get(LNG_REF), "W", 180);
  if (lat === undefined || lng === undefined || (lat === 0 && lng === 0)) return {};
  return { lat, lng, datum: gps.get(DATUM) || undefined };
}

function degrees(parts, ref, negative, limit) {
  if (!Array.isArray(parts) || parts.length < 3) return undefined;
  const value = parts[0] + parts[1] / 60 + parts[2] / 3600;
  if (!Number.isFinite(value) || value > limit) return undefined;
  return Number((ref === negative ? -value : value).toFixed(7));
}
