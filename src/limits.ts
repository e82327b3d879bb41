import { UserError } from './errors.js';

interface Limit {
  /** The environment variable that raises it. */
  readonly variable: string;
  readonly value: number;
  readonly unit: string;
}

/**
 * The largest size of an input file after it is unpacked. A damaged or hostile file of a few megabytes can claim to contain
 * gigabytes. It is refused before any memory is allocated. Each limit is far above real data and can be raised with an
 * environment variable, which also applies to worker threads and to the library.
 */
export const LIMITS = {
  /** Pixels of a label mask: 8192 x 8192. */
  maskPixels: { variable: 'VOC_SEEDS_MAX_MASK_PIXELS', value: 2 ** 26, unit: 'pixels' },
  /** Bytes of a label mask's file. */
  maskBytes: { variable: 'VOC_SEEDS_MAX_MASK_BYTES', value: 2 ** 28, unit: 'bytes' },
  /** Bytes of a list of images. */
  listBytes: { variable: 'VOC_SEEDS_MAX_LIST_BYTES', value: 2 ** 27, unit: 'bytes' },
  /** Pixels of a photograph: 16383 x 16383. */
  photoPixels: { variable: 'VOC_SEEDS_MAX_PHOTO_PIXELS', value: 0x3fff ** 2, unit: 'pixels' },
  /** Bytes of the arrays in one .npz or .npy file, unpacked. */
  arrayBytes: { variable: 'VOC_SEEDS_MAX_ARRAY_BYTES', value: 2 ** 28, unit: 'bytes' },
  /** Bytes of one XML annotation; VOC's largest have about 20,000. */
  xmlBytes: { variable: 'VOC_SEEDS_MAX_XML_BYTES', value: 2 ** 22, unit: 'bytes' },
  /** Bytes of one settings file or model sidecar; a thousand class names take about 20,000. */
  configBytes: { variable: 'VOC_SEEDS_MAX_CONFIG_BYTES', value: 2 ** 20, unit: 'bytes' },
} as const satisfies Readonly<Record<string, Limit>>;

export type LimitName = keyof typeof LIMITS;

/**
 * The limit in force: the environment variable's value if it is set, else the default.
 *
 * @throws UserError if the variable is not a whole number above 0
 */
export function limitOf(name: LimitName): number {
  const { variable, value } = LIMITS[name];
  const text = process.env[variable];
  if (text === undefined || text === '') return value;
  if (!/^[1-9]\d*$/.test(text)) throw new UserError(`the environment variable ${variable} is '${text}'`, `set it to a whole number of ${LIMITS[name].unit}`);
  return Number(text);
}

/**
 * Throws if something is larger than a limit.
 *
 * @param what the file and its size, for the message: `mask a.png has 90000 x 90000 pixels`
 * @throws UserError above the limit, with the limit and the variable that raises it
 */
export function requireWithin(name: LimitName, found: number, what: string): void {
  const excess = excessOf(name, found, what);
  if (excess !== undefined) throw new UserError(excess.message, excess.hint);
}

/** The message and hint of {@link requireWithin}, for parsers of bytes whose callers add the file's name to errors. */
export function excessOf(name: LimitName, found: number, what: string): { readonly message: string; readonly hint: string } | undefined {
  const limit = limitOf(name);
  if (found <= limit) return undefined;
  const { variable, unit } = LIMITS[name];
  return {
    message: `${what}, more than the limit of ${limit} ${unit}`,
    hint: `if the file is right, raise the limit with the environment variable ${variable}`,
  };
}
