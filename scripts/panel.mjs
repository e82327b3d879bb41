// A picture of what was made of a photograph, for the demo and the README.
import { join } from 'node:path';
import sharp from 'sharp';
import { readMapDump } from '../dist/entries/metrics.js';
import { overlayHeat, readMask, readPhoto, VOC_PALETTE } from '../dist/index.js';

/** A label map in the colours of the VOC palette, RGB. */
function coloured({ data }) {
  const rgb = new Uint8Array(data.length * 3);
  for (let i = 0; i < rgb.length; i++) rgb[i] = VOC_PALETTE[data[Math.floor(i / 3)] * 3 + i % 3];
  return rgb;
}

/** The strongest of the maps [K, height, width] at each pixel. */
function strongest({ height, width, keys, maps }) {
  const area = height * width;
  const heat = Float32Array.from(maps.subarray(0, area));
  for (let i = area; i < keys.length * area; i++) heat[i % area] = Math.max(heat[i % area], maps[i]);
  return heat;
}

/**
 * Photograph, heat map, seeds and ground truth of an item side by side, as the bytes of a PNG.
 *
 * @param item an item of a split, with its ground truth
 * @param run a folder of `generate --save-cams`
 */
export async function panel(item, run) {
  const photo = await readPhoto(item.imagePath, { input: { kind: 'native' }, maxPixels: Infinity });
  const heat = strongest(await readMapDump(join(run, 'cams', `${item.id}.npz`)));
  const seeds = await readMask(join(run, 'SegmentationClass', `${item.id}.png`));
  const truth = await readMask(item.truth.path);
  const [height, width] = photo.original;
  const parts = [photo.pixels, overlayHeat(photo.pixels, heat, 0.7), coloured(seeds), coloured(truth)];
  return sharp({ create: { width: 4 * width + 24, height, channels: 3, background: 'white' } })
    .composite(parts.map((input, i) => ({ input: Buffer.from(input), raw: { width, height, channels: 3 }, left: i * (width + 8), top: 0 })))
    .png().toBuffer();
}
