import type { LoadedClassifier } from '../../classifier/load.js';
import type { ChosenLayers } from '../../cam/layer-choice.js';
import type { NetworkGraph } from '../../classifier/network.js';
import { networkNotes } from '../../classifier/notes.js';

/** Prints notes about automatic choices for a network. */
export function sayNetworkNotes(path: string, network: NetworkGraph): void {
  for (const note of networkNotes(path, network)) process.stderr.write(`note: ${note}\n`);
}

/** Prints notes about automatic choices for a classifier and about chosen layers that it does not have. */
export function sayModelNotes({ path, graph, spec }: LoadedClassifier, ...choices: readonly ChosenLayers[]): void {
  if (spec.untrained === true) process.stderr.write(`note: ${untrainedNote(path)}\n`);
  sayNetworkNotes(path, graph);
  const notes = choices.filter(({ missing }) => missing.length > 0).map((chosen) => layerNote(path, chosen));
  for (const note of new Set(notes)) process.stderr.write(note);
}

function layerNote(path: string, { missing, requests }: ChosenLayers): string {
  const layers = [...new Set(requests.map(({ layer }) => layer))];
  return `note: ${path} has no layer at ${missing.join(', ')}; using ${layers.map(({ name, stride }) => `${name} (/${stride})`).join(', ')}\n`;
}

/** The note about an untrained classifier that is used because of --force. */
export function untrainedNote(path: string): string {
  return `the head of ${path} is untrained: its logits and maps are meaningless`;
}
