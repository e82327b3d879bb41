import { describeActivation } from './final-activation.js';
import type { NetworkGraph } from './network.js';

/** Notes for the user on decisions about a network: a size that its file does not declare, a free batch, the scores before an activation. */
export function networkNotes(path: string, { sizeFound, input, declaredBatch, activation, target }: NetworkGraph): string[] {
  const notes: string[] = [];
  if (sizeFound) notes.push(`${path} declares a free image size, but works at ${input.fixedSize!.join('x')} only: images are resized to that`);
  if (declaredBatch !== undefined) notes.push(`${path} declares a batch of ${declaredBatch} images, but works on any number`);
  if (activation !== undefined) notes.push(`${path}: ${describeActivation(activation)}; the class scores before it are used${target === activation.of ? '' : `, '${target}'`}`);
  return notes;
}
