import { parseInputSize } from '../image/input-size.js';
import type { ClassSet } from '../datasets/classes/class-set.js';
import type { DataItem } from '../datasets/splits.js';
import type { Student } from '../student/load.js';
import { scaledInputSize } from '../student/predict.js';
import type { StudentSettings } from '../student/settings.js';
import { hashOfIds } from '../student/spec.js';
import type { BatchNetwork, NetworkInput } from './image-batch.js';
import type { SeedFolder } from './seed-folder.js';
import { logitsOf } from './image-classes.js';
import type { ClassSource, NamedLogits } from './image-classes.js';

/** A student and how its predictions become seeds. */
export interface StudentChoice {
  readonly student: Student;
  readonly settings: StudentSettings;
  /** Seeds of an earlier run that count with the settings' `camWeight`. Without them, a `camWeight` above 0 needs a classifier. */
  readonly camSeeds?: SeedFolder;
}

/** A student as the network of a batch. */
export function studentNetwork({ student: { path, spec, network } }: StudentChoice): BatchNetwork & NamedLogits {
  return { path, spec, graph: network, noun: 'student' };
}

/** The sizes of photographs at the student. */
export function studentInput({ student: { student }, settings }: StudentChoice): NetworkInput {
  const [height, width] = scaledInputSize([student.short, student.long], student, 1);
  return { inputSize: parseInputSize(`fixed:${height}x${width}`), maxPixels: Infinity, scales: settings.studentScales };
}

/**
 * The student's channel of each class of a set, by label.
 *
 * @throws UserError if the student has none of the classes
 */
export function studentChannels(choice: StudentChoice, classes: ClassSet): Map<number, number> {
  // Channel 0 is the background.
  return new Map([...logitsOf(studentNetwork(choice), classes)].map(([label, index]) => [label, index + 1]));
}

/** A class source whose images fail if the student does not have all of their classes. */
export function requireChannels(source: ClassSource, channelOf: ReadonlyMap<number, number>, classes: ClassSet): ClassSource {
  return {
    ...source,
    classesOf: async (item) => {
      const own = await source.classesOf(item);
      if ('reason' in own) return own;
      const unknown = own.labels.filter((label) => !channelOf.has(label));
      return unknown.length === 0 ? own : { reason: `the student has no class ${unknown.map((label) => classes.nameOf(label)).join(', ')}` };
    },
  };
}

/**
 * What a run records about a student: its file, what it was trained on, and whether that was the list of photographs that it now
 * labels. Another list may still share photographs with it.
 */
export function studentRecord({ student: { path, student: { training } } }: StudentChoice, items: readonly DataItem[]): object {
  return { path, training, trainedOnThisList: hashOfIds(items.map(({ id }) => id)) === training.ids };
}
