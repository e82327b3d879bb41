import { UserError } from './errors.js';

interface Limit {
  /** The environment variable that raises it. */
  readonly variable: string;
  readonly value: number;
  readonly unit: string;
}

/**
 * How large an input file may be once it is unpacked. A damaged or hostile file of a few megabytes can claim to hold
 * gigabytes; it is refused before memory is taken for it. Each limit is far above real data, and an environment variable
 * raises it, which holds for worker threads and for the library as well.
 */
export const LIMITS = {
  /** Pixels of a label mask: 8192 x 8192. */
  maskPixels: { variable: 'VOC_SEEDS_MAX_MASK_PIXELS', value: 2 ** 26, unit: 'pixels' },
  /** Bytes of the file of a label mask. */
  maskBytes: { variable: 'VOC_SEEDS_MAX_MASK_BYTES', value: 2 ** 28, unit: 'bytes' },
  /** Bytes of a list of images. */
  listBytes: { variable: 'VOC_SEEDS_MAX_LIST_BYTES', value: 2 ** 27, unit: 'bytes' },
  /** Pixels of a photograph: 16383 x 16383. */
  photoPixels: { variable: 'VOC_SEEDS_MAX_PHOTO_PIXELS', value: 0x3fff ** 2, unit: 'pixels' },
  /** Bytes of the arrays in one .npz or .npy file, unpacked. */
  arrayBytes: { variable: 'VOC_SEEDS_MAX_ARRAY_BYTES', value: 2 ** 28, unit: 'bytes' },
  /** Bytes of one XML annotation; VOC's largest have some 20,000. */
  xmlBytes: { variable: 'VOC_SEEDS_MAX_XML_BYTES', value: 2 ** 22, unit: 'bytes' },
  /** Bytes of one file of settings, or of what a model's sidecar says of it; a thousand class names have some 20,000. */
  configBytes: { variable: 'VOC_SEEDS_MAX_CONFIG_BYTES', value: 2 ** 20, unit: 'bytes' },
} as const satisfies Readonly<Record<string, Limit>>;

export type LimitName = keyof typeof LIMITS;

/**
 * The limit that holds: the environment variable's, if it is set to a whole number above 0.
 *
 * @throws UserError if the variable holds anything else
 */
export function limitOf(name: LimitName): number {
  const { variable, value } = LIMITS[name];
  const text = process.env[variable];
  if (text === undefined || text === '') return value;
  if (!/^[1-9]\d*$/.test(text)) throw new UserError(`the environment variable ${variable} is '${text}'`, `set it to a whole number of ${LIMITS[name].unit}`);
  return Number(text);
}

/**
 * Refuses what is larger than a limit.
 *
 * @param what the file and what is too large about it, for the message: `mask a.png has 90000 x 90000 pixels`
 * @throws UserError above the limit; it names the limit and the variable that raises it
 */
export function requireWithin(name: LimitName, found: number, what: string): void {
  const excess = excessOf(name, found, what);
  if (excess !== undefined) throw new UserError(excess.message, excess.hint);
}

/** What {@link requireWithin} says; for readers of bytes, whose errors get the file's name from their callers. */
export function excessOf(name: LimitName, found: number, what: string): { readonly message: string; readonly hint: string } | undefined {
  const limit = limitOf(name);
  if (found <= limit) return undefined;
  const { variable, unit } = LIMITS[name];
  return {
    message: `${what}, more than the limit of ${limit} ${unit}`,
    hint: `if the file is right, raise the limit with the environment variable ${variable}`,
  };
}
