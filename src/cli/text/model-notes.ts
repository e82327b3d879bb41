import type { LoadedClassifier } from '../../classifier/load.js';
import type { ChosenLayers } from '../../cam/layer-choice.js';
import { describeActivation } from '../../classifier/final-activation.js';
import type { NetworkGraph } from '../../classifier/network.js';

/** What was decided for the user about a network: a size that its file does not declare, a free batch, the scores before an activation. */
export function networkNotes(path: string, { sizeFound, input, declaredBatch, activation, target }: NetworkGraph): string[] {
  const notes: string[] = [];
  if (sizeFound) notes.push(`${path} declares a free image size, but works at ${input.fixedSize!.join('x')} only: images are brought to that size`);
  if (declaredBatch !== undefined) notes.push(`${path} declares a batch of ${declaredBatch} images, but does not need it: it is run on any number`);
  if (activation !== undefined) notes.push(`${path}: ${describeActivation(activation)}; the class scores before it are used${target === activation.of ? '' : `, '${target}'`}`);
  return notes;
}

/** Says them on standard error. */
export function sayNetworkNotes(path: string, network: NetworkGraph): void {
  for (const note of networkNotes(path, network)) process.stderr.write(`note: ${note}\n`);
}

/** Says on standard error what was decided for the user about a classifier, and which layers are left out. */
export function sayModelNotes({ path, graph, spec }: LoadedClassifier, { missing, requests }: ChosenLayers): void {
  if (spec.untrained === true) process.stderr.write(`note: ${untrainedNote(path)}\n`);
  sayNetworkNotes(path, graph);
  if (missing.length === 0) return;
  const layers = [...new Set(requests.map(({ layer }) => layer))];
  process.stderr.write(`note: ${path} has no layer at ${missing.join(', ')}: used are ${layers.map(({ name, stride }) => `${name} (/${stride})`).join(', ')}\n`);
}

/** What is said of a classifier that --force let through. */
export function untrainedNote(path: string): string {
  return `the head of ${path} is untrained: logits and maps mean nothing`;
}
