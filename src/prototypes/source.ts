import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LoadedClassifier } from '../classifier/load.js';
import { UserError } from '../errors.js';
import { logitsOf } from '../pipeline/image-classes.js';
import { readPhotoList } from '../pipeline/photo-list.js';
import type { PrototypesConfig } from '../settings/prototypes.js';
import { openTrainingData, requireSomeClass } from '../train/workflow/data.js';
import type { TrainingData, TrainingDataOptions } from '../train/workflow/data.js';
import type { TrainListener } from '../train/workflow/listener.js';

/** Photographs and the logits of their classes. */
export interface PrototypeSource extends Pick<TrainingData, 'listed' | 'missing' | 'files' | 'folders' | 'notes' | 'failures'> {
  /** The logits by path, ascending; photographs without a class of the classifier are left out. */
  readonly logits: ReadonlyMap<string, readonly number[]>;
}

/**
 * Opens the photographs of the settings: splits of data sets with labels, or a list of photographs with one class each.
 *
 * @throws UserError if they cannot be read, or none shows a class of the classifier
 */
export async function openSource(
  classifier: LoadedClassifier, config: PrototypesConfig, options: TrainingDataOptions, listener: Pick<TrainListener, 'onMessage'>,
): Promise<PrototypeSource> {
  if (config.list !== undefined) return listSource(config.list, classifier, config, options);
  const data = await openTrainingData(config, options, listener);
  requireSomeClass(data, 'the list');
  const logitOf = logitsOf(classifier, data.classes);
  const logits = new Map([...data.labels].flatMap(([path, classes]) => {
    const own = classes.flatMap((index) => logitOf.get(index + 1) ?? []).sort((a, b) => a - b);
    return own.length === 0 ? [] : [[path, own] as const];
  }));
  if (logits.size === 0) throw new UserError(`no photograph of the list shows a class of ${classifier.path}`, 'use photographs of its classes');
  return { ...data, logits };
}

async function listSource(
  file: string, classifier: LoadedClassifier, { images, logitOffset, split, alsoTrainOn }: PrototypesConfig, { ids, limit }: TrainingDataOptions,
): Promise<PrototypeSource> {
  const other = split !== undefined ? '--split' : alsoTrainOn.length > 0 ? '--also' : undefined;
  if (other !== undefined) throw new UserError(`--list and ${other} both name photographs`, 'give one of them');
  const { items, classes } = await readPhotoList(file, classifier, { folder: images, logitOffset });
  const wanted = ids === undefined ? items : items.filter(({ id }) => ids.includes(id));
  const logits = new Map<string, readonly number[]>();
  const failures: { id: string; reason: string }[] = [];
  let missing = 0;
  for (const item of wanted) {
    if (logits.size === limit) break;
    const own = await classes.classesOf(item);
    if ('reason' in own) failures.push({ id: item.id, reason: own.reason });
    else if (await stat(item.imagePath).catch(() => undefined) === undefined) missing++;
    else logits.set(item.imagePath, own.logits);
  }
  if (logits.size === 0) {
    const why = failures[0]?.reason ?? `the first one is expected at ${items[0].imagePath}`;
    throw new UserError(`none of the ${wanted.length} photographs of ${file} can be used`, why);
  }
  const folders = [...new Set([...logits.keys()].map((path) => dirname(path)))];
  return { logits, listed: wanted.length, missing, files: [file], folders, notes: [], failures };
}
