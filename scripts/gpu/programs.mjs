// CAM programs on the devices of ONNX Runtime: what runs where, how far maps are from those of the processor, and images per second.
//
//   node scripts/gpu/programs.mjs check FOLDER OUT.json --devices cuda,webgpu     every network of FOLDER and the bundled classifier
//   node scripts/gpu/programs.mjs rates FOLDER OUT.json --devices cuda,webgpu [--size 448] [--batches 1,8,32]
//
// FOLDER has networks that networks.py has exported.
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import ort from 'onnxruntime-node';
import { ClassifierGraph, openCam, prepareCam } from '../../dist/entries/cam.js';
import { readModel } from '../../dist/entries/onnx.js';
import { defaultModelPath } from '../../dist/package.js';
import { openRuntime } from '../../dist/runtime/open.js';

const { values: options, positionals: [action, folder, out] } = parseArgs({ allowPositionals: true, options: {
  devices: { type: 'string', default: 'cpu' }, size: { type: 'string' }, batches: { type: 'string', default: '1,8,32' },
  networks: { type: 'string' }, threads: { type: 'string', default: '1' },
} });
const devices = options.devices.split(',');
const size = Number(options.size ?? (action === 'check' ? 224 : 448));
const LAYERS = { vgg16: ['/4', '/8', '/16'] };
const results = [];
const say = (result) => {
  results.push(result);
  console.log(JSON.stringify(result));
  writeFileSync(out, JSON.stringify(results));
};

/** The same images for every side, in -1..1. */
function images(count) {
  const path = join(folder, `images_${size}.f32`);
  const all = new Float32Array(readFileSync(path).buffer.slice(0));
  return Array.from({ length: count }, (_, i) => all.subarray(i * 3 * size * size, (i + 1) * 3 * size * size));
}

function writeImages(count) {
  let state = 1;
  const data = Float32Array.from({ length: count * 3 * size * size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  writeFileSync(join(folder, `images_${size}.f32`), new Uint8Array(data.buffer));
}

async function classifierOf(name) {
  const path = name === 'bundled' ? defaultModelPath() : join(folder, `${name}.onnx`);
  const classifier = new ClassifierGraph(await readModel(path), 'logits');
  return { classifier, layers: classifier.resolveLayers(LAYERS[name] ?? ['/8', '/16', '/32']) };
}

/** The classes of the image, as indices of logits. */
const CLASSES = [3, 5];
const requestsAt = (layers) => layers.map((layer) => ({ layer, method: 'layer-cam' }));

/** The largest difference of two arrays, relative to the largest value of the second. */
function difference(a, b) {
  let [worst, scale] = [a.length === b.length ? 0 : Infinity, 1e-30];
  for (let i = 0; i < b.length; i++) {
    scale = Math.max(scale, Math.abs(b[i]));
    worst = Math.max(worst, Math.abs(a[i] - b[i]));
  }
  return worst / scale;
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const differences = (found, expected) => found.maps.map(({ data }, i) => Number(difference(data, expected.maps[i].data).toExponential(2)));

/**
 * A program in a session of its own, without the comparison that `openCam` makes.
 *
 * @returns how far its maps are from the expected ones, milliseconds, and with `profile` the operators of a run by provider
 */
async function session(graph, { input }, device, image, expected, profile) {
  const round = (ms) => Number(ms.toFixed(1));
  const timed = async (action) => {
    const start = performance.now();
    const result = await action();
    return [result, round(performance.now() - start)];
  };
  const prefix = join(mkdtempSync(join(tmpdir(), 'profile-')), 'ort');
  const [own, load] = await timed(() => ort.InferenceSession.create(Uint8Array.from(graph), {
    executionProviders: [device], enableProfiling: profile, ...profile && { profileFilePrefix: prefix }, logSeverityLevel: 3,
  }));
  const feeds = (height) => ({
    [input]: new ort.Tensor('float32', image.slice(0, 3 * height * size), [1, 3, height, size]),
    'cam/classes': new ort.Tensor('int64', BigInt64Array.from(CLASSES, BigInt), [CLASSES.length]),
  });
  const run = (height) => timed(() => own.run(feeds(height)));
  const [found, first] = await run(size);
  const again = [];
  for (let i = 0; i < 10; i++) again.push((await run(size))[1]);
  const newSize = [(await run(size - 32))[1], (await run(size - 32))[1], (await run(size - 64))[1], (await run(size - 64))[1]];
  let operators;
  if (profile) {
    own.endProfiling();
    const at = join(prefix, '..');
    const events = JSON.parse(readFileSync(join(at, readdirSync(at)[0]), 'utf8')).filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'));
    operators = {};
    // The last of fifteen runs.
    for (const { args: { provider, op_name: op }, dur } of events.slice(Math.floor(events.length * 14 / 15))) {
      const entry = (operators[provider] ??= {})[op] ??= { nodes: 0, ms: 0 };
      entry.nodes++;
      entry.ms = Number((entry.ms + dur / 1000).toFixed(3));
    }
  }
  await own.release();
  const maps = expected.maps.map((_, i) => found[`cam/map_${i}`]);
  return { errors: differences({ maps }, expected), ms: { load, first, again: median(again), newSize }, operators };
}

async function check(name, device, image) {
  const { classifier, layers } = await classifierOf(name);
  const plan = prepareCam(classifier, requestsAt(layers));
  writeFileSync(join(folder, `${name}_program.bin`), plan.gradient.graph);
  const reference = await openCam(plan, (await openRuntime({ runtime: 'ort', device: 'cpu' })).runtime, { threads: 4 });
  const expected = await reference.run(image, [size, size], CLASSES);
  await reference.release();
  const { description } = await openRuntime({ runtime: 'ort', device });
  const half = join(folder, `${name}_half.onnx`);
  const ways = [
    ['profiled', plan.gradient.graph, true], ['timed', plan.gradient.graph, false], ...existsSync(half) ? [['float16', readFileSync(half), false]] : [],
  ];
  for (const [title, graph, profile] of ways) {
    try {
      say({ network: name, device, description, title, ...await session(graph, plan, device, image, expected, profile) });
    } catch (error) {
      say({ network: name, device, title, failed: error.message });
    }
  }
}

async function rates(name, device, batch) {
  const { classifier, layers } = await classifierOf(name);
  const { runtime } = await openRuntime({ runtime: 'ort', device });
  const cam = await openCam(prepareCam(classifier, requestsAt(layers), { batch }), runtime, { threads: Number(options.threads) });
  const photos = images(batch);
  for (const classes of [[0], [0, 1]]) {
    const run = () => Promise.all(photos.map((image) => cam.run(image, [size, size], classes)));
    for (let i = 0; i < 3; i++) await run();
    const times = [];
    for (let i = 0; i < 10; i++) {
      const start = performance.now();
      await run();
      times.push(performance.now() - start);
    }
    say({ network: name, device, batch, classes: classes.length, imagesPerSecond: Number((1000 * batch / median(times)).toFixed(1)) });
  }
  await cam.release();
}

const inFolder = readdirSync(folder).filter((file) => file.endsWith('.onnx') && !file.endsWith('_half.onnx')).map((file) => basename(file, '.onnx'));
const known = ['bundled', ...action === 'check' ? inFolder : ['resnet50', 'vgg16']];
const names = options.networks?.split(',') ?? known;
const batches = options.batches.split(',').map(Number);
if (action === 'images') {
  writeImages(Math.max(...batches));
} else {
  for (const device of devices) {
    for (const name of names) {
      for (const batch of action === 'check' ? [1] : batches) {
        try {
          await (action === 'check' ? check(name, device, images(1)[0]) : rates(name, device, batch));
        } catch (error) {
          say({ network: name, device, batch, failed: error.message, hint: error.hint });
        }
      }
    }
  }
}
