// Makes a photo small enough for a bad connection: at most 1600 px on the long side, JPEG, upright.
//
// A photo that is already small stays as it is, byte for byte. If the phone can't decode a file at all, the file is sent
// as it is and the server judges it; only a file over the server's limit is refused here. Photos are done one after the
// other, because two decoded 50-megapixel pictures are too much for a cheap phone.

const LONG_SIDE = 1600;
const QUALITY = 0.82;
const SMALL_BYTES = 600 * 1024;

export class PhotoTooLarge extends Error {}

export async function shrink(file, { maxBytes }) {
  const picture = await decode(file);
  if (!picture) {
    if (file.size > maxBytes) throw new PhotoTooLarge();
    return file;
  }
  try {
    const isSmall = Math.max(picture.width, picture.height) <= LONG_SIDE && file.size <= SMALL_BYTES;
    if (isSmall && file.type === "image/jpeg") return file;
    return (await draw(picture)) || file;
  } finally {
    picture.close();
  }
}

// The same photo with nothing but its pixels: no EXIF, no name, no maker's notes. Null if this phone can't decode it.
export async function redraw(blob) {
  const picture = await decode(blob);
  if (!picture) return null;
  try {
    return await draw(picture);
  } finally {
    picture.close();
  }
}

async function draw(picture) {
  const scale = Math.min(1, LONG_SIDE / Math.max(picture.width, picture.height));
  const canvas = paint(picture, Math.round(picture.width * scale), Math.round(picture.height * scale));
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
  canvas.width = 0; // Safari keeps the pixels until the size goes
  return blob;
}

// Draws a square thumbnail. A canvas needs no blob: address, so the page's CSP stays closed.
export async function thumbnail(blob, canvas) {
  const picture = await decode(blob);
  if (!picture) return false;
  const side = Math.min(picture.width, picture.height);
  canvas.width = 240;
  canvas.height = 240;
  const ink = canvas.getContext("2d");
  ink.drawImage(picture, (picture.width - side) / 2, (picture.height - side) / 2, side, side, 0, 0, 240, 240);
  picture.close();
  return true;
}

// Upright by EXIF. Older WebViews don't know the option's name but turn the picture anyway.
async function decode(blob) {
  try {
    return await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    try {
      return await createImageBitmap(blob);
    } catch {
      return null;
    }
  }
}

function paint(picture, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const ink = canvas.getContext("2d");
  ink.fillStyle = "#fff"; // a PNG's holes would turn black
  ink.fillRect(0, 0, width, height);
  ink.imageSmoothingQuality = "high";
  ink.drawImage(picture, 0, 0, width, height);
  return canvas;
}

export function megabytes(bytes) {
  return (Math.max(bytes, 104858) / 1048576).toFixed(1);
}
