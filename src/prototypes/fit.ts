import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseLayerChoice } from '../cam/layer-choice.js';
import { camMethods } from '../cam/methods/index.js';
import { graphRequest } from '../cam/plan.js';
import type { CamRequest } from '../cam/plan.js';
import { inputSizeFor } from '../classifier/input-size.js';
import { resolveLayer, strideAliases } from '../classifier/layers.js';
import type { FeatureLayer } from '../classifier/layers.js';
import type { LoadedClassifier } from '../classifier/load.js';
import { encodePrototypes, preprocessingOf } from '../classifier/prototype-file.js';
import type { PrototypeInfo } from '../classifier/prototype-file.js';
import { mergedCentres } from '../classifier/prototypes.js';
import type { LayerCentres } from '../classifier/prototypes.js';
import { requireFlag, UserError } from '../errors.js';
import { formatInputSize } from '../image/input-size.js';
import type { InputSize } from '../image/input-size.js';
import { makeFolder, writeFileAtomic } from '../jobs/files/atomic.js';
import { hashFile } from '../jobs/files/hash.js';
import { removeLeftovers } from '../jobs/files/temporary.js';
import { refuseInputFile } from '../jobs/journal/own-folder.js';
import { requireGradients } from '../runtime/device-limits.js';
import { openRuntime } from '../runtime/open.js';
import { prototypesSchema } from '../settings/prototypes.js';
import type { PrototypesConfig, PrototypesSettings } from '../settings/prototypes.js';
import { cacheFolder } from '../train/cache-folder.js';
import { reasonLines } from '../train/reasons.js';
import type { TrainingDataOptions } from '../train/workflow/data.js';
import type { TrainListener } from '../train/workflow/listener.js';
import { clusterClasses } from './cluster-classes.js';
import { samplePhotographs } from './sample-photographs.js';
import type { SampleTask } from './sample-worker.js';
import { openSource } from './source.js';
import type { PrototypeSource } from './source.js';

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
  /** Classes of the classifier without prototypes at some layer: no photograph shows them. */
  readonly absent: readonly string[];
  readonly runtime: string;
  readonly seconds: number;
  /** Photographs of the lists, and those of them that are not on disk. */
  readonly listed: number;
  readonly missing: number;
  readonly listNotes?: readonly string[];
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
}

/**
 * Fits prototypes of a classifier's classes, for the method `prototype-cam`, and writes them to `settings.out`. Photographs and their
 * image-level labels are read as by `trainClassifier`, or from a list of photographs with one class each. The same photographs,
 * settings and classifier give the same file, with any number of workers. What is kept of each photograph is cached, so an interrupted
 * run continues.
 *
 * @throws UserError if a setting is missing, something cannot be read or written, or no photograph can be used
 */
export async function fitPrototypes(options: PrototypeOptions): Promise<PrototypeReport> {
  const { classifier, settings, ids, limit, maskDir, rgbMasks, classes: given, ...listener } = options;
  const config = prototypesSchema.parse(settings);
  const out = requireFlag(config.out, '--out', 'prototypes.npz');
  const started = performance.now();
  const { layers, guide } = layersOf(classifier, config);
  const guideName = `${guide.layer.name}@${guide.method}`;
  const source = await openSource(classifier, config, { maskDir, ids, limit, rgbMasks, classes: given }, listener);
  await refuseInputFile(out, '--out', [classifier.path, ...source.files], source.folders);
  await makeFolder(dirname(resolve(out)));
  await removeLeftovers(dirname(resolve(out)), basename(out));
  const runtime = await openRuntime(config);
  requireGradients(runtime);
  listener.onMessage?.(`runtime: ${runtime.description}`);
  listener.onMessage?.(`features: ${layers.map(({ name, channels, stride }) => `${name} (/${stride}, ${channels} channels)`).join(', ')}; guide: ${guideName}`);

  const { workers = availableParallelism() } = config;
  const inputSize = inputSizeFor(classifier, { inputSize: config.inputSize, scales: [1] });
  const info = await infoOf(classifier, config, { layers, guide: guideName, inputSize });
  const wanted = await photographsOf(source, config, info);
  const common = { layers, positions: config.positions, seed: config.seed, runtime, workers, onWork: listener.onWork };
  const failures = await samplePhotographs(wanted, {
    ...common, classifier, guide: graphRequest(guide, classifier.prototypes), inputSize, maxPixels: config.maxPixels,
  });
  const failed = new Set(failures.map(({ path }) => path));
  const photographs = wanted.filter(({ path }) => !failed.has(path));
  if (photographs.length === 0) throw new UserError([`none of the ${wanted.length} photographs can be used:`, ...reasonLines(failures)].join('\n'));

  const { spec: { classes } } = classifier;
  const centres = await clusterClasses(photographs, { ...common, classes, centres: config.centres, positive: config.positive });
  await writeFileAtomic(out, encodePrototypes({
    info: { ...info, photographs: photographs.length, list: hashOf(photographs) }, layers: config.merge ? centres.map(mergedCentres) : centres,
  }));
  const known = centres.map(({ logits }) => new Set(logits));
  return {
    out, photographs: photographs.length, layers: layers.map((layer, i) => reportOf(layer, centres[i], classes, photographs)),
    absent: classes.filter((_, logit) => !known.every((own) => own.has(logit))), runtime: runtime.description,
    seconds: Number(((performance.now() - started) / 1000).toFixed(1)), listed: source.listed, missing: source.missing,
    ...source.notes.length > 0 && { listNotes: source.notes },
    failures: [...source.failures, ...failures.map(({ path: id, reason }) => ({ id, reason }))],
  };
}

/** The layers, shallowest first, and the guide. */
function layersOf({ graph }: LoadedClassifier, config: PrototypesConfig): { readonly layers: readonly FeatureLayer[]; readonly guide: CamRequest } {
  const deepest = [...strideAliases(graph.layers).values()].at(-1);
  if (deepest === undefined) throw new UserError('the classifier has no feature layer', '\'voc-seeds model inspect\' lists the layers of a model');
  const layers = config.layers === undefined ? [deepest] : graph.resolveLayers(config.layers);
  const { layer, method } = parseLayerChoice(config.guide ?? `${deepest.name}@grad-cam`, 'grad-cam');
  const { kind } = camMethods[method];
  if (kind === 'channels' || kind === 'vectors') {
    throw new UserError(`--guide ${config.guide}: ${method} cannot guide prototypes`, 'use a method with gradients, such as grad-cam or layer-cam');
  }
  return { layers, guide: { layer: resolveLayer(graph.layers, layer), method } };
}

/** All that the samples and centres depend on, except the photographs. */
async function infoOf(
  { path, spec }: LoadedClassifier, { positions, centres, positive, seed }: PrototypesConfig,
  { layers, guide, inputSize }: { readonly layers: readonly FeatureLayer[]; readonly guide: string; readonly inputSize: InputSize },
): Promise<PrototypeInfo> {
  return {
    format: 'voc-seeds prototypes 1', model: await hashFile(path), classes: spec.classes, preprocessing: preprocessingOf(spec),
    layers: layers.map(({ name }) => name), inputSize: formatInputSize(inputSize), positions, centres, positive, guide, seed,
    photographs: 0, list: '',
  };
}

/** The photographs with the cache files of their samples. */
async function photographsOf({ logits: all }: PrototypeSource, config: PrototypesConfig, info: PrototypeInfo): Promise<SampleTask[]> {
  const { model, preprocessing, layers, inputSize, positions, guide, seed } = info;
  const key = { version: 1, model, preprocessing, layers, inputSize, maxPixels: config.maxPixels, positions, guide, seed };
  const folder = join(config.cache ?? cacheFolder(), `prototypes-${shortHash(JSON.stringify(key))}`);
  const photographs: SampleTask[] = [];
  for (const [path, logits] of all) {
    const entry = await stat(path).catch(() => undefined);
    photographs.push({ path, logits, file: join(folder, `${shortHash(JSON.stringify([path, entry?.size, entry?.mtimeMs, logits]))}.npz`) });
  }
  return photographs;
}

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 24);

/** Names and classes, not paths: the same list elsewhere has the same hash. */
function hashOf(photographs: readonly SampleTask[]): string {
  const hash = createHash('sha256');
  for (const { path, logits } of photographs) hash.update(`${basename(path)} ${logits.join(' ')}\n`);
  return hash.digest('hex');
}

function reportOf(
  { name, stride }: FeatureLayer, { logits, positive }: LayerCentres, classes: readonly string[], photographs: readonly SampleTask[],
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
