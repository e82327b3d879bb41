// Compares class activation maps of full-size networks with PyTorch's autograd, and writes the table docs/conformance.md.
//
//   node scripts/conformance/run.mjs [--models a,b] [--methods layer-cam,...] [--runtimes ort,tfjs/wasm,...]
//     [--python PATH] [--resume FILE]
//
// Needs Python with torch, torchvision, onnx, onnxscript and onnxruntime. Each network is made in a temporary folder
// (VGG's file has 530 MB) and deleted afterwards. With --models the table is printed, but not written. With --resume what is
// done is kept in a file, and not done again by the next run.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ClassifierGraph, openCam, prepareCam, resolveLayer } from '../../dist/entries/cam.js';
import { readModel } from '../../dist/entries/onnx.js';
import { openRuntime } from '../../dist/runtime/open.js';
import { readReference, referenceImage } from './reference.mjs';

const { values: options } = parseArgs({ options: {
  models: { type: 'string' },
  methods: { type: 'string', default: 'layer-cam,grad-cam,grad-cam++,xgrad-cam,hires-cam,eigen-cam,eigengrad-cam,layer-cam finer' },
  runtimes: { type: 'string', default: 'ort' },
  python: { type: 'string', default: 'python3' },
  resume: { type: 'string' },
} });
const methods = options.methods.split(',');
const make = fileURLToPath(new URL('make.py', import.meta.url));
const python = (...words) => execFileSync(options.python, [make, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
const runtimes = await Promise.all(options.runtimes.split(',').map(async (name) => {
  const [runtime, device] = name.split('/');
  return { ...await openRuntime({ runtime, device }), name };
}));

/** The largest difference, relative to the largest expected value. */
function relativeError(actual, expected) {
  if (actual.length !== expected.length) return Infinity;
  const largest = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return actual.reduce((max, value, i) => Math.max(max, Math.abs(value - expected[i])), 0) / largest;
}

/** What {@link relativeError} and {@link shareBeyond} say. */
const errorsOf = (actual, expected) => ({ error: relativeError(actual, expected), beyond: shareBeyond(actual, expected) });

/** The share of numbers that differ by more than 1e-4 of the largest expected value. */
function shareBeyond(actual, expected) {
  const bound = 1e-4 * expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return actual.filter((value, i) => Math.abs(value - expected[i]) > bound).length / actual.length;
}

/** The logits, and the maps [K, h, w] of every method at every layer. A method may be followed by its target: `layer-cam finer`. */
async function mapsIn(classifier, layers, reference, runtime) {
  const found = new Map();
  let logits;
  for (const target of new Set(methods.map((name) => name.split(' ')[1] ?? 'logit'))) {
    const own = methods.filter((name) => (name.split(' ')[1] ?? 'logit') === target);
    const requests = own.flatMap((name) => layers.map((layer) => ({ layer, method: name.split(' ')[0] })));
    const cam = await openCam(prepareCam(classifier, requests, { target }), runtime, { threads: Math.max(1, cpus().length) });
    const { logits: seen, maps } = await cam.run(referenceImage(reference), reference.size, reference.classes);
    await cam.release();
    logits ??= seen;
    own.forEach((name, m) => layers.forEach((_, at) => found.set(`${name}:${at}`, maps[m * layers.length + at].data)));
  }
  return { logits, mapOf: (name, at) => found.get(`${name}:${at}`) };
}

/** One row per layer: { model, layer, shape, errors: per method { error, beyond, noise } }. */
async function compare(folder, name, runtime) {
  const reference = readReference(join(folder, `${name}.json`));
  const classifier = new ClassifierGraph(await readModel(join(folder, `${name}.onnx`)), 'logits');
  const layers = classifier.resolveLayers(reference.layers.map(({ tensor }) => tensor));
  const { logits, mapOf } = await mapsIn(classifier, layers, reference, runtime);
  const exported = `${reference.exporter === 'dynamo' ? 'dynamo, ' : ''}opset ${reference.opset}, ${reference.fixed ? 'fixed' : 'free'} size`;
  return {
    name, exported, torch: reference.torch, size: reference.size, logits: relativeError(logits, reference.logits),
    layers: reference.layers.map((layer) => {
      const at = layers.findIndex((found) => found.name === layer.tensor);
      const aliased = layer.key.startsWith('/') && resolveLayer(classifier.layers, layer.key).name === layer.tensor;
      return {
        key: aliased ? layer.key : `\`${layer.tensor}\``, shape: [layer.channels, ...layer.shape],
        misnamed: layer.key.startsWith('/') && !aliased,
        errors: Object.fromEntries(layer.methods.flatMap(({ method, noise, map }) => (
          methods.includes(method) ? [[method, { ...errorsOf(mapOf(method, at), map), noise }]] : []
        ))),
      };
    }),
  };
}

const meanBeyond = (all) => all.reduce((sum, { beyond }) => sum + beyond, 0) / all.length;
const digits = (value) => value.toExponential(0);
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const cell = (found) => (found === undefined
  ? ''
  : `${digits(found.error)}${found.noise > 1e-4 ? ` (${digits(found.noise)})` : ''}${found.error > 1e-4 ? `, ${percent(found.beyond)}` : ''}`);

function table(runtime, results) {
  const lines = [
    `## ${runtime}`, '',
    `| network | image | logits | layer | C x h x w | ${methods.join(' | ')} |`,
    `|${'---|'.repeat(5 + methods.length)}`,
  ];
  for (const { name, exported, size, logits, layers, failure } of results) {
    if (failure !== undefined) lines.push(`| ${name} | does not run: ${failure} |${' |'.repeat(3 + methods.length)}`);
    layers.forEach(({ key, shape, errors }, i) => {
      const network = i === 0 ? [`${name.replace(' (dynamo)', '')}, ${exported}`, size.join(' x '), digits(logits)] : ['', '', ''];
      lines.push(`| ${[...network, key, shape.join(' x '), ...methods.map((method) => cell(errors[method]))].join(' | ')} |`);
    });
  }
  const all = results.flatMap(({ layers }) => layers.map(({ errors }) => errors['layer-cam']).filter(Boolean));
  const within = (bar) => all.filter(({ error }) => error <= bar).length;
  const beyond = all.filter(({ error }) => error > 1e-3);
  const alike = beyond.filter(({ error, noise }) => noise >= error / 2).length;
  lines.push('', `LayerCAM: ${within(1e-4)} of ${all.length} layers within 1e-4, ${within(1e-3)} within 1e-3; largest error ${digits(Math.max(...all.map(({ error }) => error)))}. PyTorch's own map moves by half as much or more in ${alike} of the ${beyond.length} beyond 1e-3; on average over the layers, ${percent(1 - meanBeyond(all))} of the cells within 1e-4.`, '');
  return lines.join('\n');
}

const names = options.models?.split(',') ?? JSON.parse(python('list'));
/** By runtime and network. */
const done = options.resume !== undefined && existsSync(options.resume) ? JSON.parse(readFileSync(options.resume, 'utf8')) : {};
for (const { name } of runtimes) done[name] ??= {};
for (const name of names) {
  const open = runtimes.filter((runtime) => done[runtime.name][name] === undefined);
  if (open.length === 0) continue;
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'));
  try {
    python('full', folder, name);
    for (const { name: runtimeName, runtime } of open) {
      const result = await compare(folder, name, runtime).catch((error) => ({ name, layers: [], failure: error.message }));
      done[runtimeName][name] = result;
      if (result.failure !== undefined) {
        console.error(`${name}, ${runtimeName}: ${result.failure}`);
        continue;
      }
      const worst = Math.max(...result.layers.map(({ errors }) => errors['layer-cam']?.error ?? 0));
      console.log(`${name}, ${runtimeName}: LayerCAM ${digits(worst)}${result.layers.some(({ misnamed }) => misnamed) ? '; AN ALIAS NAMES ANOTHER LAYER' : ''}`);
    }
    if (options.resume !== undefined) await writeFile(options.resume, JSON.stringify(done));
  } catch (error) {
    process.exitCode = 1;
    console.error(`${name}: ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const resultsOf = (runtime) => names.map((name) => done[runtime][name]).filter((result) => result !== undefined);
const tables = runtimes.map(({ name, description }) => table(description, resultsOf(name)));
if (options.models === undefined && process.exitCode === undefined) {
  const [{ torch }] = resultsOf(runtimes[0].name);
  const text = `# Conformance with PyTorch

The maps of torchvision's classifiers, computed by voc-seeds from their ONNX files, against PyTorch ${torch}: float64 autograd on
torchvision's own modules. Networks have random weights (and random statistics where they normalise by batch), and are exported by
\`torch.onnx\`, with free height and width if the exporter supports it. Made by

\`\`\`
npm run build && node scripts/conformance/run.mjs --runtimes ${options.runtimes}
\`\`\`

A number is the largest difference of a map, for the two strongest classes, relative to the map's largest value. If it is above 1e-4, the
share of the map's cells that differ by more than that follows. The number in brackets, given if it is above 1e-4, is how far PyTorch's own
map moves in float32, or by a noise of 1e-6 on the image. Such maps are unstable: near a kink of ReLU or two equal maxima of a pool, a
rounding error decides on a gradient; XGrad-CAM and Grad-CAM++ divide by sums that may cancel, and the terms that HiResCAM adds up in front
of a layer normalisation may cancel too. Layers have the names that \`--layers\` takes.

Eigen-CAM and EigenGrad-CAM are compared with the singular value decomposition that pytorch-grad-cam uses. In front of a layer
normalisation, the weights of EigenGrad-CAM's component add up to 0, so rounding decides on its sign, and the error may be about 1.
\`layer-cam finer\` is LayerCAM with \`--target finer\`, against autograd of FinerCAM's target.

Shrunk versions of these networks, and Keras networks converted by tf2onnx, are compared in every run of the tests
(\`test/conformance\`).

${tables.join('\n')}`;
  await writeFile(fileURLToPath(new URL('../../docs/conformance.md', import.meta.url)), text);
} else {
  console.log(`\n${tables.join('\n')}`);
}
