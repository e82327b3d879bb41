import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseLayerChoice } from '../cam/layer-choice.js';
import { camMethods } from '../cam/methods/index.js';
import { inputSizeFor } from '../classifier/input-size.js';
import { resolveLayer, strideAliases } from '../classifier/layers.js';
import type { FeatureLayer } from '../classifier/layers.js';
import type { LoadedClassifier } from '../classifier/load.js';
import { encodePrototypes, preprocessingOf } from '../classifier/prototype-file.js';
import type { PrototypeInfo } from '../classifier/prototype-file.js';
import type { LayerCentres } from '../classifier/prototypes.js';
import { requireFlag, UserError } from '../errors.js';
import { formatInputSize } from '../image/input-size.js';
import { makeFolder, writeFileAtomic } from '../jobs/files/atomic.js';
import { hashFile } from '../jobs/files/hash.js';
import { refuseInputFile } from '../jobs/journal/own-folder.js';
import { runBatch } from '../jobs/workers/batch.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { shareBytes } from '../jobs/workers/shared-bytes.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import { serializeModel } from '../onnx/file/write.js';
import type { OnnxModel } from '../onnx/model.js';
import { openRuntime } from '../runtime/open.js';
import type { OpenedRuntime } from '../runtime/open.js';
import { prototypesSchema } from '../settings/prototypes.js';
import type { PrototypesConfig, PrototypesSettings } from '../settings/prototypes.js';
import { cacheFolder } from '../train/cache-folder.js';
import { reasonLines } from '../train/reasons.js';
import type { PhotoFailure } from '../train/reasons.js';
import type { TrainingDataOptions } from '../train/workflow/data.js';
import { reportProgress } from '../train/workflow/listener.js';
import type { TrainListener } from '../train/workflow/listener.js';
import type { ClusterResult, ClusterTask, ClusterWorkerData } from './cluster-worker.js';
import { buildProductGraphs } from './products.js';
import { buildSampleGraph } from './sample-graph.js';
import type { SampleResult, SampleTask, SampleWorkerData } from './sample-worker.js';
import { openSource } from './source.js';
import type { PrototypeSource } from './source.js';

/** The most positions of a class that are clustered: 300 MB at 1280 channels. More photographs give fewer positions each. */
const MOST_POSITIONS = 60_000;

/** Options of {@link fitPrototypes}. */
export interface PrototypeOptions extends TrainingDataOptions, Pick<TrainListener, 'onMessage' | 'onWork'> {
  readonly classifier: LoadedClassifier;
  /** `out`, the data set, `split` and `labels` are required; see `docs/prototypes.md` for all of them. */
  readonly settings: PrototypesSettings;
}

/** The report of {@link fitPrototypes}. */
export interface PrototypeReport {
  readonly out: string;
  readonly photographs: number;
  readonly layers: readonly {
    readonly layer: string;
    readonly stride: number;
    /** By class: the number of photographs, of centres, and of those that are positive. */
    readonly classes: Readonly<Record<string, { readonly photographs: number; readonly centres: number; readonly positive: number }>>;
  }[];
  /** Classes of the classifier without prototypes: no photograph shows them. */
  readonly absent: readonly string[];
  readonly runtime: string;
  readonly seconds: number;
  /** Photographs of the lists, and those of them that are not on disk. */
  readonly listed: number;
  readonly missing: number;
  readonly listNotes?: readonly string[];
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
}

/** A photograph, the logits of its classes, and the file of its samples. */
type Photograph = SampleTask;

/**
 * Fits prototypes of a classifier's classes, for the method `prototype-cam`, and writes them to `settings.out`. Photographs and their
 * image-level labels are read as by `trainClassifier`, or from a list of photographs with one class each. The same photographs, settings and classifier give the same file, with any number
 * of workers. What is kept of each photograph is cached, so an interrupted run continues.
 *
 * @throws UserError if a setting is missing, something cannot be read or written, or no photograph can be used
 */
export async function fitPrototypes(options: PrototypeOptions): Promise<PrototypeReport> {
  const { classifier, settings, ids, limit, maskDir, rgbMasks, classes: given, ...listener } = options;
  const config = prototypesSchema.parse(settings);
  const out = requireFlag(config.out, '--out', 'prototypes.npz');
  const started = performance.now();
  const { layers, guide } = layersOf(classifier, config);
  const source = await openSource(classifier, config, { maskDir, ids, limit, rgbMasks, classes: given }, listener);
  await refuseInputFile(out, '--out', [classifier.path, ...source.files], source.folders);
  await makeFolder(dirname(resolve(out)));
  const runtime = await openRuntime(config);
  listener.onMessage?.(`runtime: ${runtime.description}`);
  listener.onMessage?.(`features: ${layers.map(({ name, channels, stride }) => `${name} (/${stride}, ${channels} channels)`).join(', ')}; guide: ${guide}`);

  const info = await infoOf(classifier, config, layers, guide);
  const wanted = await photographsOf(source, config, info);
  const failures = await samplePhotographs(wanted, classifier, config, { layers, guide, runtime }, listener);
  const failed = new Set(failures.map(({ path }) => path));
  const photographs = wanted.filter(({ path }) => !failed.has(path));
  if (photographs.length === 0) throw new UserError([`none of the ${wanted.length} photographs can be used:`, ...reasonLines(failures)].join('\n'));

  const centres = await clusterClasses(photographs, classifier, config, { layers, runtime }, listener);
  await writeFileAtomic(out, encodePrototypes({ info: { ...info, photographs: photographs.length, list: hashOf(photographs) }, layers: centres }));
  const { spec: { classes } } = classifier;
  const shown = new Set(photographs.flatMap(({ logits }) => logits));
  return {
    out, photographs: photographs.length, layers: layers.map((layer, i) => reportOf(layer, centres[i], classes, photographs)),
    absent: classes.filter((_, logit) => !shown.has(logit)), runtime: runtime.description,
    seconds: Number(((performance.now() - started) / 1000).toFixed(1)), listed: source.listed, missing: source.missing,
    ...source.notes.length > 0 && { listNotes: source.notes },
    failures: [...source.failures, ...failures.map(({ path: id, reason }) => ({ id, reason }))],
  };
}

/** The layers, shallowest first, and the guide as `layer@method`. */
function layersOf({ graph }: LoadedClassifier, config: PrototypesConfig): { readonly layers: readonly FeatureLayer[]; readonly guide: string } {
  const deepest = [...strideAliases(graph.layers).values()].at(-1);
  if (deepest === undefined) throw new UserError('the classifier has no feature layer', '\'voc-seeds model inspect\' lists the layers of a model');
  const layers = config.layers === undefined ? [deepest] : graph.resolveLayers(config.layers);
  const { layer, method } = parseLayerChoice(config.guide ?? `${deepest.name}@grad-cam`, 'grad-cam');
  const { kind } = camMethods[method];
  if (kind === 'channels' || kind === 'vectors') throw new UserError(`--guide ${config.guide}: ${method} cannot guide prototypes`, 'use a method with gradients, such as grad-cam or layer-cam');
  return { layers, guide: `${resolveLayer(graph.layers, layer).name}@${method}` };
}

/** All that the samples and centres depend on, except the photographs. */
async function infoOf(
  classifier: LoadedClassifier, config: PrototypesConfig, layers: readonly FeatureLayer[], guide: string,
): Promise<PrototypeInfo> {
  const { positions, centres, positive, seed } = config;
  return {
    format: 'voc-seeds prototypes 1', model: await hashFile(classifier.path), classes: classifier.spec.classes, preprocessing: preprocessingOf(classifier.spec),
    layers: layers.map(({ name }) => name), inputSize: formatInputSize(inputSizeOf(classifier, config)),
    positions, centres, positive, guide, seed, photographs: 0, list: '',
  };
}

const inputSizeOf = (classifier: LoadedClassifier, { inputSize }: PrototypesConfig) => inputSizeFor(classifier, { inputSize, scales: [1] });

/** The photographs with the cache files of their samples. */
async function photographsOf({ logits: all }: PrototypeSource, config: PrototypesConfig, info: PrototypeInfo): Promise<Photograph[]> {
  const { model, preprocessing, layers, inputSize, positions, guide, seed } = info;
  const key = { version: 1, model, preprocessing, layers, inputSize, maxPixels: config.maxPixels, positions, guide, seed };
  const folder = join(config.cache ?? cacheFolder(), `prototypes-${shortHash(JSON.stringify(key))}`);
  const photographs: Photograph[] = [];
  for (const [path, logits] of all) {
    const entry = await stat(path).catch(() => undefined);
    photographs.push({ path, logits, file: join(folder, `${shortHash(JSON.stringify([path, entry?.size, entry?.mtimeMs, logits]))}.npz`) });
  }
  return photographs;
}

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 24);

/** Names and classes, not paths: the same list elsewhere has the same hash. */
function hashOf(photographs: readonly Photograph[]): string {
  const hash = createHash('sha256');
  for (const { path, logits } of photographs) hash.update(`${basename(path)} ${logits.join(' ')}\n`);
  return hash.digest('hex');
}

interface Network {
  readonly layers: readonly FeatureLayer[];
  readonly runtime: OpenedRuntime;
}

const workersOf = ({ workers }: PrototypesConfig, { accelerated }: OpenedRuntime): number => workers ?? (accelerated ? 1 : availableParallelism());

/** Writes the samples of all photographs that are not cached. */
async function samplePhotographs(
  photographs: readonly Photograph[], classifier: LoadedClassifier, config: PrototypesConfig,
  { layers, guide, runtime }: Network & { readonly guide: string },
  listener: Pick<PrototypeOptions, 'onWork'>,
): Promise<PhotoFailure[]> {
  const open: Photograph[] = [];
  for (const photograph of photographs) if (await stat(photograph.file).catch(() => undefined) === undefined) open.push(photograph);
  if (open.length === 0) return [];
  await makeFolder(dirname(open[0].file));
  const { layer, method } = parseLayerChoice(guide, 'grad-cam');
  const way = camMethods[method];
  if (way.kind === 'channels') throw new TypeError(`${method} cannot guide prototypes`);
  const graph = buildSampleGraph(classifier.graph, layers, { layer: resolveLayer(classifier.graph.layers, layer), method: way });
  const workers = workersOf(config, runtime);
  const failures: PhotoFailure[] = [];
  const pool = new WorkerPool<SampleTask, SampleResult>({
    worker: workerUrl('./sample-worker.js', import.meta.url), threads: Math.min(workers, open.length), tasksPerWorker: 2,
    data: {
      graph: shareBytes(serializeModel(graph)), input: classifier.graph.input.name, layers: layers.length,
      positions: config.positions, seed: config.seed, inputSize: inputSizeOf(classifier, config), maxPixels: config.maxPixels,
      normalisation: classifier.spec, runtime: runtime.choice,
    } satisfies SampleWorkerData,
  });
  try {
    await reportProgress(listener, 'images', async ({ onStart, onProgress }) => {
      let ended = 0;
      onStart(open.length);
      await runBatch(open, {
        concurrency: 2 * workers + 1,
        run: (task) => pool.run(task),
        done: ({ path }, reason) => {
          if (reason !== undefined) failures.push({ path, reason });
          onProgress(++ended);
        },
      });
    });
  } finally {
    await pool.destroy();
  }
  return failures;
}

/** The centres of all classes at each layer. */
async function clusterClasses(
  photographs: readonly Photograph[], { spec: { classes } }: LoadedClassifier, config: PrototypesConfig, { layers, runtime }: Network,
  listener: Pick<PrototypeOptions, 'onWork'>,
): Promise<LayerCentres[]> {
  const ofClass = new Map<number, { file: string; row: number }[]>();
  for (const { file, logits } of photographs) {
    logits.forEach((logit, row) => {
      const own = ofClass.get(logit);
      if (own === undefined) ofClass.set(logit, [{ file, row }]);
      else own.push({ file, row });
    });
  }
  const tasks = layers.flatMap(({ name }, layer) => [...ofClass].sort(([a], [b]) => a - b).map(([logit, own]) => ({
    logit,
    task: {
      layer, layerName: name, className: classes[logit], photographs: own,
      most: Math.max(1, Math.min(config.positions, Math.floor(MOST_POSITIONS / own.length))),
    } satisfies ClusterTask,
  })));
  const workers = workersOf(config, runtime);
  const graphs = buildProductGraphs();
  const shared = (model: OnnxModel): Uint8Array => shareBytes(serializeModel(model));
  const results = new Map<ClusterTask, Extract<ClusterResult, { readonly centres: Float32Array }>>();
  const pool = new WorkerPool<ClusterTask, ClusterResult>({
    worker: workerUrl('./cluster-worker.js', import.meta.url), threads: Math.min(workers, tasks.length),
    data: {
      graphs: { similarities: shared(graphs.similarities), sums: shared(graphs.sums) }, runtime: runtime.choice,
      centres: config.centres, positive: config.positive, seed: config.seed,
    } satisfies ClusterWorkerData,
  });
  try {
    await reportProgress(listener, 'classes', async ({ onStart, onProgress }) => {
      onStart(tasks.length);
      // The largest first, so that no worker is left with one at the end.
      await runBatch([...tasks].sort((a, b) => b.task.photographs.length - a.task.photographs.length), {
        concurrency: workers,
        run: ({ task }) => pool.run(task),
        done: ({ task }, result) => {
          if ('reason' in result) {
            throw new UserError(
              `the prototypes of '${task.className}' cannot be fitted: ${result.reason}`, `if the cache is damaged, remove ${dirname(task.photographs[0].file)} and run the same command again`,
            );
          }
          results.set(task, result);
          onProgress(results.size);
        },
      });
    });
  } finally {
    await pool.destroy();
  }
  return layers.map(({ channels }, layer) => {
    const own = tasks.filter(({ task }) => task.layer === layer).map(({ logit, task }) => ({ logit, ...results.get(task)! }));
    return {
      channels, centres: joined(own.map(({ centres }) => centres)),
      logits: Int32Array.from(own.flatMap(({ logit, members }) => Array<number>(members.length).fill(logit))),
      members: Int32Array.from(own.flatMap(({ members }) => [...members])), scores: Float32Array.from(own.flatMap(({ scores }) => [...scores])),
      positive: Uint8Array.from(own.flatMap(({ positive }) => [...positive])),
    };
  });
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function reportOf(
  { name, stride }: FeatureLayer, { logits, positive }: LayerCentres, classes: readonly string[], photographs: readonly Photograph[],
): PrototypeReport['layers'][number] {
  const counts = new Map<number, { photographs: number; centres: number; positive: number }>();
  for (const photograph of photographs) {
    for (const logit of photograph.logits) {
      const own = counts.get(logit) ?? { photographs: 0, centres: 0, positive: 0 };
      counts.set(logit, { ...own, photographs: own.photographs + 1 });
    }
  }
  logits.forEach((logit, i) => {
    const own = counts.get(logit)!;
    own.centres++;
    own.positive += positive[i];
  });
  return { layer: name, stride, classes: Object.fromEntries([...counts].sort(([a], [b]) => a - b).map(([logit, own]) => [classes[logit], own])) };
}
