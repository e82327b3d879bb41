import type { Normalisation } from '../image/normalise.js';
import type { RuntimeChoice } from '../runtime/open.js';

/** How photographs are run through a network in worker threads. */
export interface PhotoPassOptions {
  /** The name of the image input. */
  readonly input: string;
  readonly normalisation: Normalisation;
  readonly workers?: number;
  /** The runtime of the network. Default: the best one of this machine. */
  readonly runtime?: RuntimeChoice;
  readonly onStart?: (total: number) => void;
  readonly onProgress?: (done: number) => void;
}
