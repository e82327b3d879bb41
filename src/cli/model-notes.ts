import type { LoadedClassifier } from '../cam/load.js';
import type { ChosenLayers } from '../cam/layer-choice.js';

/** Says on standard error what was decided for the user about a classifier: a size that its file does not declare, layers left out. */
export function sayModelNotes({ path, graph, spec }: LoadedClassifier, { missing, layers }: Pick<ChosenLayers, 'missing' | 'layers'>): void {
  const notes = spec.untrained === true ? [untrainedNote(path)] : [];
  if (graph.sizeFound) notes.push(`${path} declares a free image size, but works at ${graph.input.fixedSize!.join('x')} only: images are brought to that size`);
  if (missing.length > 0) notes.push(`${path} has no layer at ${missing.join(', ')}: used are ${layers.map(({ name, stride }) => `${name} (/${stride})`).join(', ')}`);
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
}

/** What is said of a classifier that --force let through. */
export function untrainedNote(path: string): string {
  return `the head of ${path} is untrained: logits and maps mean nothing`;
}
