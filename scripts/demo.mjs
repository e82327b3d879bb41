// The main job on the sample: seeds, their score, and pictures to look at. Run by `npm run demo`.
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { openDevkit, overlayHeat, readMapDump, readMask, readPhoto, readSplit, VOC_PALETTE } from '../dist/index.js';

const repository = fileURLToPath(new URL('..', import.meta.url));
const sample = join(repository, 'data/sample');
const out = join(repository, 'out/demo');
const command = (...words) => {
  console.log(`\n$ voc-seeds ${words.join(' ')}`);
  execFileSync(process.execPath, [join(repository, 'bin/voc-seeds.js'), ...words], { cwd: repository, stdio: 'inherit' });
};

// Seeds of an older version or of other settings may lie there.
command('generate', '--voc-root', 'data/sample', '--split', 'sample', '--labels', 'xml', '--out', 'out/demo', '--no-resume', '--save-cams', '--save-unrefined');
command('eval', '--voc-root', 'data/sample', '--split', 'sample', '--pred', 'out/demo/SegmentationClass');
command('report', '--run', 'out/demo', '--out', 'out/demo/report.html');

/** A label map in the colours of the VOC palette, RGB. */
function coloured({ data }) {
  const rgb = new Uint8Array(data.length * 3);
  data.forEach((label, i) => rgb.set(VOC_PALETTE.subarray(label * 3, label * 3 + 3), i * 3));
  return rgb;
}

/** The strongest of the maps [K, height, width] at each pixel. */
function strongest({ height, width, keys, maps }) {
  const area = height * width;
  return Float32Array.from({ length: area }, (_, i) => Math.max(...keys.map((__, k) => maps[k * area + i])));
}

const devkit = await openDevkit(sample);
const { items } = await readSplit(devkit, 'sample');
await mkdir(join(out, 'panels'), { recursive: true });

for (const item of items) {
  const photo = await readPhoto(item.imagePath, { input: { kind: 'native' }, maxPixels: Infinity });
  const heat = strongest(await readMapDump(join(out, 'cams', `${item.id}.npz`)));
  const seeds = await readMask(join(out, 'SegmentationClass', `${item.id}.png`));
  const truth = await readMask(item.maskPath);
  const [height, width] = photo.original;
  const parts = [photo.pixels, overlayHeat(photo.pixels, heat, 0.7), coloured(seeds), coloured(truth)];
  await sharp({ create: { width: 4 * width + 24, height, channels: 3, background: 'white' } })
    .composite(parts.map((input, i) => ({ input: Buffer.from(input), raw: { width, height, channels: 3 }, left: i * (width + 8), top: 0 })))
    .png().toFile(join(out, 'panels', `${item.id}.png`));
}
console.log('\nphoto, heat map, seeds and ground truth side by side: out/demo/panels; everything in one page: out/demo/report.html');
