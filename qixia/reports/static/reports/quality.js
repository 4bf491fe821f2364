// Is a photo too dark, blurred or too small to show anything? Advice for the moment it is taken; it never stops a report.
//
// Looked at on a canvas of at most 320 px. Luma is 0 to 255.
// dark     the brightest twentieth stays below 50: a night street with one lamp is well above.
// blurred  the variance of the second differences (a Laplacian taken apart), across and down, in the sharpest of 4 × 4 tiles
//          each, of which the smaller counts: a flat wall or a shallow focus is no blur, and a shake in one direction is one.
//          Dim pictures are brought to the same brightness first.
// small    less than 640 px on the long side: a thumbnail or a crop, from too far away to be of use.
// Thresholds: docs/evidence.md, "On the phone"; tests/browser/test_quality.py holds them to drawn scenes.

const LONG_SIDE = 320;
const TILES = 4;
const DARK_P95 = 50;
const BLURRED_VARIANCE = 30;
const SMALL_PX = 640;
const BRIGHT = 180;
const MOST_GAIN = 4;

// "dark", "blurred", "small" or "". What cannot be decoded gets no advice.
export async function judge(blob) {
  const picture = await createImageBitmap(blob).catch(() => null);
  if (!picture) return "";
  try {
    const found = measure(lumaOf(picture));
    if (found.p95 < DARK_P95) return "dark";
    if (found.sharpness < BLURRED_VARIANCE) return "blurred";
    return Math.max(picture.width, picture.height) < SMALL_PX ? "small" : "";
  } finally {
    picture.close();
  }
}

export function lumaOf(picture) {
  const scale = Math.min(1, LONG_SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const ink = canvas.getContext("2d", { willReadFrequently: true });
  ink.imageSmoothingQuality = "high";
  ink.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const { data, width, height } = ink.getImageData(0, 0, canvas.width, canvas.height);
  const luma = new Float32Array(width * height);
  for (let n = 0; n < luma.length; n += 1) luma[n] = 0.299 * data[n * 4] + 0.587 * data[n * 4 + 1] + 0.114 * data[n * 4 + 2];
  canvas.width = 0; // Safari keeps the pixels until the size goes
  return { luma, width, height };
}

export function measure({ luma, width, height }) {
  const p95 = Float32Array.from(luma).sort()[Math.floor(luma.length * 0.95)];
  const gain = Math.min(MOST_GAIN, Math.max(1, BRIGHT / Math.max(p95, 1)));
  const across = sharpestTile(luma, width, height, 1);
  const down = sharpestTile(luma, width, height, width);
  return { p95, sharpness: Math.min(across, down) * gain * gain };
}

// `step` is the way to the next pixel: 1 across, the width down.
function sharpestTile(luma, width, height, step) {
  let best = 0;
  for (let row = 0; row < TILES; row += 1) {
    for (let column = 0; column < TILES; column += 1) {
      best = Math.max(best, varianceIn(luma, width, step, span(row, height), span(column, width)));
    }
  }
  return best;
}

// One pixel is left out at the edges: it has no neighbour.
function span(index, length) {
  const inner = Math.max(0, length - 2);
  return [1 + Math.floor((index * inner) / TILES), 1 + Math.floor(((index + 1) * inner) / TILES)];
}

function varianceIn(luma, width, step, [top, bottom], [left, right]) {
  let sum = 0, squares = 0;
  for (let y = top; y < bottom; y += 1) {
    for (let x = left; x < right; x += 1) {
      const at = y * width + x;
      const bend = luma[at - step] + luma[at + step] - 2 * luma[at];
      sum += bend;
      squares += bend * bend;
    }
  }
  const count = (bottom - top) * (right - left);
  return count ? squares / count - (sum / count) ** 2 : 0;
}
