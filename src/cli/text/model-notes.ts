import type { LoadedClassifier } from '../../classifier/load.js';
import type { ChosenLayers } from '../../cam/layer-choice.js';
import { describeActivation } from '../../classifier/final-activation.js';
import type { NetworkGraph } from '../../classifier/network.js';

/** Notes about automatic choices for a network: an undeclared image size, a free batch size, the scores before an activation. */
export function networkNotes(path: string, { sizeFound, input, declaredBatch, activation, target }: NetworkGraph): string[] {
  const notes: string[] = [];
  if (sizeFound) notes.push(`${path} declares a free image size, but works only with ${input.fixedSize!.join('x')}: images are resized to that`);
  if (declaredBatch !== undefined) notes.push(`${path} declares a batch of ${declaredBatch} images, but works with any number`);
  if (activation !== undefined) notes.push(`${path}: ${describeActivation(activation)}; the class scores before it are used${target === activation.of ? '' : `, '${target}'`}`);
  return notes;
}

/** Prints these notes to standard error. */
export function sayNetworkNotes(path: string, network: NetworkGraph): void {
  for (const note of networkNotes(path, network)) process.stderr.write(`note: ${note}\n`);
}

/** Prints notes about automatic choices for a classifier and about missing layers to standard error. */
export function sayModelNotes({ path, graph, spec }: LoadedClassifier, { missing, layers }: Pick<ChosenLayers, 'missing' | 'layers'>): void {
  if (spec.untrained === true) process.stderr.write(`note: ${untrainedNote(path)}\n`);
  sayNetworkNotes(path, graph);
  if (missing.length === 0) return;
  process.stderr.write(`note: ${path} has no layer at ${missing.join(', ')}, using ${layers.map(({ name, stride }) => `${name} (/${stride})`).join(', ')}\n`);
}

/** The note about an untrained classifier that is used because of --force. */
export function untrainedNote(path: string): string {
  return `the head of ${path} is untrained: its logits and maps are meaningless`;
}
