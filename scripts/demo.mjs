// The main job on the sample: seeds, their score, and pictures to look at. Run by `npm run demo`.
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import {
  createLabelSource, DEFAULT_FUSION, DEFAULT_MAX_PIXELS, defaultModelPath, FusedMaps, loadClassifier, mapsToArray,
  openCam, openDevkit, ortRuntime, overlayHeat, parseInputSize, prepareCam, readMask, readPhoto, readSplit, toTensor, VOC_PALETTE,
} from '../dist/index.js';

const repository = fileURLToPath(new URL('..', import.meta.url));
const sample = join(repository, 'data/sample');
const out = join(repository, 'out/demo');
const command = (...words) => {
  console.log(`\n$ voc-seeds ${words.join(' ')}`);
  execFileSync(process.execPath, [join(repository, 'bin/voc-seeds.js'), ...words], { cwd: repository, stdio: 'inherit' });
};

// Seeds of an older version or of other settings may lie there.
command('generate', '--voc-root', 'data/sample', '--split', 'sample', '--labels', 'xml', '--out', 'out/demo', '--no-resume');
command('eval', '--voc-root', 'data/sample', '--split', 'sample', '--pred', 'out/demo/SegmentationClass');

/** A label map in the colours of the VOC palette, RGB. */
function coloured({ data }) {
  const rgb = new Uint8Array(data.length * 3);
  data.forEach((label, i) => rgb.set(VOC_PALETTE.subarray(label * 3, label * 3 + 3), i * 3));
  return rgb;
}

/** The strongest of the maps at each pixel. */
function strongest(maps) {
  const area = maps.height * maps.width;
  const all = mapsToArray(maps);
  return Float32Array.from({ length: area }, (_, i) => {
    let best = 0;
    for (let k = 0; k < maps.classCount; k++) best = Math.max(best, all[k * area + i]);
    return best;
  });
}

const devkit = await openDevkit(sample);
const { items } = await readSplit(devkit, 'sample');
const labels = await createLabelSource('xml', { devkit });
const { graph, spec } = await loadClassifier(defaultModelPath());
const layers = graph.resolveLayers(['/8', '/16', '/32']);
const cam = await openCam(prepareCam(graph, layers, { methods: ['layer-cam'] }), ortRuntime, { threads: 2 });
await mkdir(join(out, 'panels'), { recursive: true });

for (const item of items) {
  const classes = await labels.labels(item);
  const photo = await readPhoto(item.imagePath, { input: parseInputSize('short:320'), maxPixels: DEFAULT_MAX_PIXELS });
  const full = await readPhoto(item.imagePath, { input: { kind: 'native' }, maxPixels: Infinity });
  const result = await cam.run(toTensor(photo.pixels, photo.size, spec), photo.size, classes.map((label) => label - 1));
  const heat = strongest(new FusedMaps(result.maps[0], classes.length, photo.original, DEFAULT_FUSION));
  const seeds = await readMask(join(out, 'SegmentationClass', `${item.id}.png`));
  const truth = await readMask(item.maskPath);
  const [height, width] = photo.original;
  const parts = [full.pixels, overlayHeat(full.pixels, heat, 0.7), coloured(seeds), coloured(truth)];
  await sharp({ create: { width: 4 * width + 24, height, channels: 3, background: 'white' } })
    .composite(parts.map((input, i) => ({ input: Buffer.from(input), raw: { width, height, channels: 3 }, left: i * (width + 8), top: 0 })))
    .png().toFile(join(out, 'panels', `${item.id}.png`));
}
await cam.release();
console.log('\nphoto, heat map, seeds and ground truth side by side: out/demo/panels');
