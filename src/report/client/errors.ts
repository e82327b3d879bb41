// Kinds of errors, in patterns and in colours that colour-blind people can distinguish (Okabe and Ito).
import type { Rgb } from '../run/page-data.js';

/** A kind of result of a pixel, and how it is drawn. */
export interface ErrorKind {
  readonly kind: string;
  readonly name: string;
  readonly colour: Rgb;
  /** Whether the pattern has ink at a pixel. */
  readonly on: (x: number, y: number) => boolean;
}

/** The kinds of pixels that are coloured. Correct background is not. */
export const ERROR_KINDS: readonly ErrorKind[] = [
  { kind: 'right', name: 'right class', colour: [0, 158, 115], on: () => true },
  { kind: 'missed', name: 'missed foreground', colour: [230, 159, 0], on: () => true },
  { kind: 'false', name: 'false foreground', colour: [86, 180, 233], on: () => true },
  { kind: 'wrong', name: 'wrong class', colour: [204, 95, 155], on: (x, y) => (x + y) % 8 < 5 },
  { kind: 'ignored', name: 'ignored', colour: [240, 228, 66], on: (x, y) => (x % 4 < 2) === (y % 4 < 2) },
  { kind: 'void', name: 'void in the truth', colour: [190, 190, 190], on: (x, y) => (x - y + 4096) % 6 < 2 },
];

/**
 * The index in ERROR_KINDS for a pixel, or -1 for correct background.
 *
 * @param truth the true label: 0 background, then the classes, 255 void
 * @param label the predicted label: 0 background, then the classes, 255 ignored
 */
export function errorKind(truth: number, label: number): number {
  if (truth === 255) return 5;
  if (label === 255) return 4;
  if (label === truth) return truth === 0 ? -1 : 0;
  if (label === 0) return 1;
  return truth === 0 ? 2 : 3;
}
