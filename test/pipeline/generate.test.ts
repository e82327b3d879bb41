import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadClassifier } from '../../src/classifier/load.js';
import { buildCamGraph } from '../../src/cam/gradient-graph.js';
import { layerCam } from '../../src/cam/methods/layer-cam.js';
import { seedSettings } from '../../src/settings/cam.js';
import type { SeedSettings } from '../../src/settings/cam.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { generateSeeds } from '../../src/pipeline/generate.js';
import type { GenerateOptions, GenerateSummary } from '../../src/pipeline/generate.js';
import { VOC_CLASSES } from '../../src/datasets/classes/voc.js';
import { openDevkit } from '../../src/datasets/devkit.js';
import { xmlLabels } from '../../src/datasets/labels/xml.js';
import { readMask, writeMask } from '../../src/datasets/masks.js';
import { readSplit } from '../../src/datasets/splits.js';
import { openPhoto } from '../../src/image/photo-file.js';
import { mapsToArray } from '../../src/maps/map-rows.js';
import { loadStudent } from '../../src/student/load.js';
import { planStudent, StudentRunner } from '../../src/student/predict.js';
import { writeTinyStudent } from '../student/tiny.js';
import { makeDevkit, tinySpec } from './tiny.js';
import type { TinyDevkit } from './tiny.js';

const images: Record<string, [number, number, string[]]> = {
  wide: [150, 100, ['dog', 'person']],
  tall: [97, 181, ['tvmonitor']],
  many: [128, 128, ['aeroplane', 'cat', 'sheep', 'train']],
  small: [9, 33, ['bus']],
};

// Background and the eight classes above, by their VOC indices.
const present = [0, 1, 6, 8, 12, 15, 17, 19, 20];

const defaults: SeedSettings = z.object(seedSettings).parse({ inputSize: 'short:96', threshold: 0.3 });

let devkit: TinyDevkit;
beforeAll(async () => { devkit = await makeDevkit(images); });
afterAll(() => rm(devkit.folder, { recursive: true }));

interface Also extends Partial<Pick<GenerateOptions, 'saveCams' | 'saveUnrefined' | 'soft' | 'student' | 'batch'>> {
  /** Changes of the other settings. */
  readonly agree?: readonly Partial<SeedSettings>[];
  /** No classifier, only the student. */
  readonly alone?: boolean;
}

async function generate(
  name: string, changes: Partial<SeedSettings> = {},
  { saveCams = false, saveUnrefined = false, soft = false, agree = [], student, alone = false, batch }: Also = {},
): Promise<{ out: string; summary: GenerateSummary }> {
  const out = join(devkit.folder, name);
  const opened = await openDevkit(devkit.root);
  const summary = await generateSeeds({
    classifier: alone ? undefined : await loadClassifier(devkit.model), student,
    settings: { ...defaults, ...changes }, agree: agree.map((own) => ({ ...defaults, ...own })),
    items: (await readSplit(opened, 'train')).items, missing: [], labels: await xmlLabels({ devkit: opened }), split: 'train', out, format: 'palette',
    saveCams, saveUnrefined, soft, resume: true, workers: 2, batch,
  });
  return { out, summary };
}

/** The input of the network, by loops: the photograph resized by sharp, then (pixel * scale - mean) / std in BGR order. */
async function networkInput(id: string, [height, width]: [number, number]): Promise<Float32Array> {
  const pixels = await sharp(join(devkit.root, 'JPEGImages', `${id}.jpg`), { ignoreIcc: true })
    .resize({ width, height, fit: 'fill', kernel: 'cubic' }).removeAlpha().raw().toBuffer();
  const input = new Float32Array(3 * height * width);
  for (let c = 0; c < 3; c++) {
    const [mean, std] = [tinySpec.mean[c], tinySpec.std[c]];
    for (let i = 0; i < height * width; i++) input[c * height * width + i] = (pixels[3 * i + 2 - c] * tinySpec.scale - mean) / std;
  }
  return input;
}

/** A pixel's value in a map [h, w] of cells: bilinear between cell centres, constant outside of them. */
function upsampled(map: Float64Array, h: number, w: number, y: number, x: number, height: number, width: number): number {
  const cell = (i: number, pixels: number, cells: number): [number, number, number] => {
    const at = Math.min(Math.max((i + 0.5) / pixels * cells - 0.5, 0), cells - 1);
    return [Math.floor(at), Math.min(Math.floor(at) + 1, cells - 1), at - Math.floor(at)];
  };
  const [top, bottom, down] = cell(y, height, h);
  const [left, right, along] = cell(x, width, w);
  return (1 - down) * ((1 - along) * map[top * w + left] + along * map[top * w + right])
    + down * ((1 - along) * map[bottom * w + left] + along * map[bottom * w + right]);
}

const largest = (values: Float64Array): number => values.reduce((a, b) => Math.max(a, b), 0);

interface CellMap { readonly h: number; readonly w: number; readonly map: Float64Array }

/** The maps of the layers /8, /16 and /32 as the CAM program gives them: [K][L]. */
async function layerMaps(id: string, network: [number, number]): Promise<CellMap[][]> {
  const { graph } = await loadClassifier(devkit.model);
  const layers = graph.resolveLayers(['/8', '/16', '/32']);
  const session = await ortRuntime.load(serializeModel(buildCamGraph(graph, layers.map((layer) => ({ layer, method: { kind: 'gradient', map: layerCam } })))), { threads: 1 });
  const [, , names] = images[id];
  const logits = names.map((name) => (VOC_CLASSES as readonly string[]).indexOf(name)).sort((a, b) => a - b);
  const results = await session.run({
    'image': { type: 'float32', dims: [1, 3, ...network], data: await networkInput(id, network) },
    'cam/classes': { type: 'int64', dims: [logits.length], data: BigInt64Array.from(logits, BigInt) },
  });
  await session.release();
  return logits.map((_, k) => layers.map((__, l) => {
    const { dims: [, h, w], data } = results[`cam/map_${l}`];
    return { h, w, map: Float64Array.from(data as Float32Array).subarray(k * h * w, (k + 1) * h * w) };
  }));
}

/** LayerCAM's fusion (equation 9 and section III-C of the paper) in plain loops and double precision: [K][pixels]. */
async function referenceMaps(id: string, network: [number, number], fuse: 'max' | 'mean'): Promise<Float64Array[]> {
  const [width, height] = images[id];
  return (await layerMaps(id, network)).map((layers) => {
    const fused = new Float64Array(width * height);
    layers.forEach(({ h, w, map }, l) => {
      const maximum = largest(map);
      const scaled = map.map((value) => (l < layers.length - 1 ? Math.tanh(2 * value / maximum) : value / maximum));
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const value = upsampled(scaled, h, w, y, x, height, width);
          fused[y * width + x] = fuse === 'max' ? Math.max(fused[y * width + x], value) : fused[y * width + x] + value / layers.length;
        }
      }
    });
    const maximum = largest(fused);
    return fused.map((value) => value / maximum);
  });
}

interface Reference {
  readonly label: number;
  /** How far the pixel's value is from another decision. */
  readonly margin: number;
}

function decide(maps: readonly Float64Array[], labels: readonly number[], pixel: number, threshold: number, background: number): Reference {
  const ranked = maps.map((map, k) => ({ value: map[pixel], label: labels[k] })).sort((a, b) => b.value - a.value);
  const [{ value, label }] = ranked;
  const lead = value > background && ranked.length > 1 ? value - ranked[1].value : 1;
  const margin = Math.min(Math.abs(value - threshold), Math.abs(value - background), lead);
  return { label: value > threshold ? label : value > background ? 255 : 0, margin };
}

// Network sizes by hand: the short side becomes 96 (or 64), the other one is rounded.
const sizes96: Record<string, [number, number]> = { wide: [96, 144], tall: [179, 96], many: [96, 96], small: [352, 96] };
const sizes64: Record<string, [number, number]> = { wide: [64, 96], tall: [119, 64], many: [64, 64], small: [235, 64] };

describe('generateSeeds', () => {
  it.each([
    { name: 'one threshold', changes: { threshold: 0.6 }, sizes: sizes96, fuse: 'max' as const, threshold: 0.6, background: 0.6 },
    { name: 'two thresholds', changes: { threshold: 0.6, backgroundThreshold: 0.2 }, sizes: sizes96, fuse: 'max' as const, threshold: 0.6, background: 0.2 },
    { name: 'mean, another size', changes: { fuse: 'mean', inputSize: 'short:64' } as const, sizes: sizes64, fuse: 'mean' as const, threshold: 0.3, background: 0.3 },
  ])('equals a computation in plain loops: $name', async ({ name, changes, sizes, fuse, threshold, background }) => {
    const { out, summary } = await generate(name.replaceAll(/\W/g, ''), changes);
    expect(summary.counts).toEqual({ written: 4, resumed: 0, failed: 0, missing: 0, left: 0, withoutClasses: 0 });
    const found = new Set<number>();
    for (const [id, [width, height, names]] of Object.entries(images)) {
      const labels = names.map((text) => (VOC_CLASSES as readonly string[]).indexOf(text) + 1).sort((a, b) => a - b);
      const seeds = await readMask(join(out, 'SegmentationClass', `${id}.png`));
      expect([seeds.width, seeds.height]).toEqual([width, height]);
      const maps = await referenceMaps(id, sizes[id], fuse);
      let close = 0;
      const wrong: number[] = [];
      seeds.data.forEach((label, pixel) => {
        const reference = decide(maps, labels, pixel, threshold, background);
        // The program works in single precision: a pixel that is nearer to another decision than that can tell may take it.
        if (reference.margin < 1e-5) close++;
        else if (label !== reference.label) wrong.push(pixel);
      });
      expect(wrong, id).toEqual([]);
      // A few pixels along the contours, and plateaus at a picture's edge where two maps both are 1.
      expect(close / seeds.data.length).toBeLessThan(0.03);
      for (const label of seeds.data) found.add(label);
    }
    // The comparison means nothing on empty pictures.
    expect([...found].filter((label) => label !== 255).sort((a, b) => a - b)).toEqual(present);
    expect(found.has(255)).toBe(background < threshold);
  });

  it('writes the maps as numpy arrays where it is asked to', async () => {
    const { out } = await generate('cams', {}, { saveCams: true });
    for (const [id, [width, height, names]] of Object.entries(images)) {
      const files = unzipSync(await readFile(join(out, 'cams', `${id}.npz`)));
      const keys = parseNpy(files['keys.npy']);
      const maps = parseNpy(files['maps.npy']);
      expect(keys.header).toBe(`{'descr': '<i4', 'fortran_order': False, 'shape': (${names.length},), }`);
      expect([...new Int32Array(keys.data)]).toEqual(names.map((text) => (VOC_CLASSES as readonly string[]).indexOf(text) + 1).sort((a, b) => a - b));
      expect(maps.header).toBe(`{'descr': '<f4', 'fortran_order': False, 'shape': (${names.length}, ${height}, ${width}), }`);
      const values = new Float32Array(maps.data);
      const reference = await referenceMaps(id, sizes96[id], 'max');
      let difference = 0;
      reference.forEach((map, k) => {
        map.forEach((value, i) => { difference = Math.max(difference, Math.abs(value - values[k * map.length + i])); });
      });
      expect(difference).toBeLessThan(1e-5);
    }
  });

  it('writes the maps of each layer beside them, on the grid of the layer', async () => {
    const { out } = await generate('layers', {}, { saveCams: true });
    const files = unzipSync(await readFile(join(out, 'cams', 'wide.npz')));
    expect(Object.keys(files).sort()).toEqual(['keys.npy', 'layer_0.npy', 'layer_1.npy', 'layer_2.npy', 'maps.npy']);
    const reference = await layerMaps('wide', sizes96.wide);
    for (const l of [0, 1, 2]) {
      const { header, data } = parseNpy(files[`layer_${l}.npy`]);
      const [{ h, w }] = reference.map((layers) => layers[l]);
      expect(header).toContain(`'shape': (2, ${h}, ${w})`);
      const values = new Float32Array(data);
      reference.forEach((layers, k) => {
        const { map } = layers[l];
        const maximum = largest(map);
        map.forEach((value, i) => { expect(values[k * h * w + i]).toBeCloseTo(value / maximum, 6); });
      });
    }
  });

  it('writes the seeds before refinement where it is asked to', async () => {
    const { out } = await generate('refined', { refine: 'pamr' }, { saveUnrefined: true });
    const { out: plain } = await generate('plain');
    const seeds = (folder: string, id: string): Promise<Buffer> => readFile(join(folder, `${id}.png`));
    for (const id of Object.keys(images)) {
      const before = await seeds(join(plain, 'SegmentationClass'), id);
      expect((await seeds(join(out, 'SegmentationClassUnrefined'), id)).equals(before)).toBe(true);
      expect((await seeds(join(out, 'SegmentationClass'), id)).equals(before), id).toBe(false);
    }
  });

  it('writes 255 for pixels whose labels are not the same with other settings, compared with runs of their own', async () => {
    const [deep, small] = [{ layers: ['/8', '/32'], threshold: 0.4 }, { inputSize: 'short:104', background: 'otsu' } as const];
    const { out } = await generate('agreed', {}, { agree: [deep, small], soft: true });
    const single = [(await generate('first', {}, { soft: true })).out, (await generate('deep', deep)).out, (await generate('small', small)).out];
    for (const id of Object.keys(images)) {
      const read = async (folder: string, kind = 'SegmentationClass'): Promise<Uint8Array> => (await readMask(join(folder, kind, `${id}.png`))).data;
      const [first, second, third] = await Promise.all(single.map((folder) => read(folder)));
      const expected = first.map((label, i) => (second[i] === label && third[i] === label ? label : 255));
      expect(await read(out), id).toEqual(expected);
      const shares = expected.reduce((sum, label) => sum + Number(label === 255), 0) / expected.length;
      expect(shares, id).toBeGreaterThan(0.02);
      expect(shares, id).toBeLessThan(0.98);
      const confidence = async (folder: string): Promise<Buffer> => sharp(join(folder, 'Confidence', `${id}.png`)).toColourspace('b-w').raw().toBuffer();
      const before = await confidence(single[0]);
      expect(await confidence(out), id).toEqual(before.map((value, i) => (expected[i] === 255 ? 0 : value)));
    }
  });

  it('takes the labels of a student, alone and together with those of maps, which are written beside them', async () => {
    const model = join(devkit.folder, 'student.onnx');
    await writeTinyStudent(model);
    const student = await loadStudent(model);
    const own = { studentScales: [1], studentFlip: true, studentRefine: 'none', camWeight: 0 };
    const cam = await generate('student-cam', {});
    const runner = async (camWeight: number): Promise<StudentRunner> => (
      StudentRunner.load(planStudent(student, { ...own, camWeight }), ortRuntime, { threads: 1 }));
    const made = { path: join(cam.out, 'SegmentationClass'), settings: undefined };
    for (const { camWeight, camSeeds } of [{ camWeight: 0 }, { camWeight: 0.5 }, { camWeight: 0.5, camSeeds: made }]) {
      const alone = camWeight === 0 || camSeeds !== undefined;
      const { out, summary } = await generate(`student-${camWeight}-${alone}`, {}, { student: { student, settings: { ...own, camWeight }, camSeeds }, alone });
      expect(summary.counts).toMatchObject({ written: 4, failed: 0 });
      const run = await runner(camWeight);
      for (const [id, [width, height, names]] of Object.entries(images)) {
        const labels = names.map((text) => (VOC_CLASSES as readonly string[]).indexOf(text) + 1).sort((a, b) => a - b);
        const seeds = await readMask(join(cam.out, 'SegmentationClass', `${id}.png`));
        const { maps, background } = await run.maps(await openPhoto(join(devkit.root, 'JPEGImages', `${id}.jpg`)), labels, labels, seeds);
        const classes = labels.map((_, k) => mapsToArray(maps).subarray(k * width * height, (k + 1) * width * height));
        const expected = Array.from(background, (value, i) => {
          const best = Math.max(...classes.map((map) => map[i]));
          return best > value ? labels[classes.findIndex((map) => map[i] === best)] : 0;
        });
        expect([...(await readMask(join(out, 'SegmentationClass', `${id}.png`))).data], id).toEqual(expected);
        const beside = await readMask(join(out, 'SegmentationClassCam', `${id}.png`)).catch(() => undefined);
        expect(beside?.data, id).toEqual(alone ? undefined : seeds.data);
      }
      await run.release();
      const { student: recorded } = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as { student: { path: string; trainedOnThisList: boolean } };
      expect(recorded).toMatchObject({ path: model, trainedOnThisList: false });
    }
  });

  it('refuses seeds of other photographs', async () => {
    const model = join(devkit.folder, 'student.onnx');
    await writeTinyStudent(model);
    const path = join(devkit.folder, 'other-seeds');
    await mkdir(path);
    // Another size, a class that is not there, no file.
    await writeMask(join(path, 'wide.png'), { width: 3, height: 2, data: new Uint8Array(6) });
    await writeMask(join(path, 'tall.png'), { width: 97, height: 181, data: new Uint8Array(97 * 181).fill(3) });
    await writeMask(join(path, 'small.png'), { width: 9, height: 33, data: new Uint8Array(9 * 33).fill(6) });
    const settings = { studentScales: [1], studentFlip: false, studentRefine: 'none', camWeight: 1 };
    const { summary } = await generate('student-others', {}, { student: { student: await loadStudent(model), settings, camSeeds: { path, settings: undefined } }, alone: true });
    expect(summary.counts).toMatchObject({ written: 1, failed: 3 });
    const reasonOf = (id: string): string | undefined => summary.failures.find((failure) => failure.id === id)?.reason;
    expect(reasonOf('wide')).toBe(`the seeds ${join(path, 'wide.png')} have 3 x 2 pixels, the photograph 150 x 100`);
    expect(reasonOf('tall')).toBe(`the seeds ${join(path, 'tall.png')} have bird, which is not a class of the photograph`);
    expect(reasonOf('many')).toContain(join(path, 'many.png'));
  });

  it('refuses to make maps without a classifier', async () => {
    const model = join(devkit.folder, 'student.onnx');
    await writeTinyStudent(model);
    const student = { student: await loadStudent(model), settings: { studentScales: [1], studentFlip: true, studentRefine: 'none', camWeight: 1 } };
    await expect(generate('none', {}, { student, alone: true })).rejects.toThrow('class activation maps need a classifier');
    await expect(generate('none', {}, { alone: true })).rejects.toThrow('seeds need a classifier or a student');
    const both = { ...student, camSeeds: { path: devkit.folder, settings: undefined } };
    await expect(generate('none', {}, { student: both })).rejects.toThrow('replace those of a classifier');
  });

  it('does not continue a run whose other settings were different', async () => {
    await generate('others', {}, { agree: [{ threshold: 0.5 }] });
    await expect(generate('others', {}, { agree: [{ threshold: 0.6 }] })).rejects.toThrow('other settings');
    await expect(generate('others')).rejects.toThrow('other settings');
  });
});

function parseNpy(bytes: Uint8Array): { header: string; data: ArrayBuffer } {
  expect([...bytes.subarray(0, 8)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  const length = bytes[8] + 256 * bytes[9];
  expect((10 + length) % 64).toBe(0);
  return { header: Buffer.from(bytes.subarray(10, 10 + length)).toString().trimEnd(), data: bytes.slice(10 + length).buffer as ArrayBuffer };
}

describe('batches', () => {
  it('of photographs and mirror images of one size make the seeds that single runs make', async () => {
    // All photographs have one size at the network.
    const settings = { inputSize: 'fixed:96x128', flip: true, scales: [1, 0.75], threshold: 0.5 };
    const [alone, together] = [await generate('alone', settings), await generate('together', settings, { batch: 3 })];
    expect(together.summary.counts).toMatchObject({ written: 4, failed: 0 });
    const found: number[] = [];
    for (const id of Object.keys(images)) {
      const [a, b] = await Promise.all([alone, together].map(({ out }) => readMask(join(out, 'SegmentationClass', `${id}.png`))));
      const differing = a.data.filter((label, i) => label !== b.data[i]).length;
      // Rounding may decide a pixel.
      expect(differing).toBeLessThanOrEqual(a.data.length / 1000);
      found.push(new Set(a.data).size);
    }
    expect(Math.max(...found)).toBeGreaterThan(2);
  });
});
