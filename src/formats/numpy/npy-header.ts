import { printable } from '../../text/printable.js';

/** The bytes are not a supported array. The message says why, without the file's name ("it is cut short"). */
export class NpyError extends Error {
  override readonly name = 'NpyError';

  /** @param hint how to fix it, if this differs from the caller's hint */
  constructor(message: string, readonly hint?: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The header of an array in numpy's .npy format. */
export interface NpyHeader {
  /** How its elements are packed: a sign for the byte order, and numpy's code for the type: `<f4`, `|b1`, `|O`. */
  readonly order: string;
  readonly type: string;
  readonly shape: readonly number[];
  /** Whether the first axis varies fastest. */
  readonly fortran: boolean;
  /** The bytes after the header. */
  readonly content: Buffer;
}

/** numpy's own limit, in bytes. */
const LONGEST_HEADER = 10_000;
const MAGIC = Buffer.from('\x93NUMPY', 'latin1');

/** One entry of the header, which is a Python dictionary, and its end. */
const entry = /\s*(['"])(descr|fortran_order|shape)\1\s*:\s*(?:(['"])([^'"]*)\3|(True|False)|\(([\d\s,L]*)\))\s*(,\s*\}|,|\})/y;

/**
 * Reads the header of an .npy file.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @throws NpyError if the bytes are something else, are cut short, or contain an array of records
 */
export function readNpyHeader(bytes: Uint8Array): NpyHeader {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!file.subarray(0, 6).equals(MAGIC)) throw new NpyError(`it is not an .npy file${somethingElse(file)}`);
  if (file.length < 8) throw new NpyError('it is cut short');
  if (file[6] < 1 || file[6] > 3) throw new NpyError(`version ${file[6]}.${file[7]} of the .npy format is not supported`);
  const lengthBytes = file[6] === 1 ? 2 : 4;
  const start = 8 + lengthBytes;
  if (file.length < start) throw new NpyError('it is cut short');
  const length = file.readUIntLE(8, lengthBytes);
  if (length > LONGEST_HEADER) throw new NpyError(`its header takes ${length} bytes, more than numpy's limit of ${LONGEST_HEADER}`);
  if (file.length < start + length) throw new NpyError('it is cut short');
  return { ...parseHeader(file.toString('latin1', start, start + length)), content: file.subarray(start + length) };
}

function parseHeader(text: string): Omit<NpyHeader, 'content'> {
  const wrong = (): NpyError => new NpyError(`it does not contain a supported array (its header is ${printable(text.trim(), 200)})`);
  let [descr, order, dims]: (string | undefined)[] = [];
  const open = /^\s*\{/.exec(text);
  if (open === null) throw wrong();
  entry.lastIndex = open[0].length;
  for (let end = ','; end === ',';) {
    const match = entry.exec(text);
    if (match === null) throw wrong();
    if (match[2] === 'descr') descr = match[4];
    if (match[2] === 'fortran_order') order = match[5];
    if (match[2] === 'shape') dims = match[6];
    end = match[7];
  }
  const type = /^([<>|=])(.+)$/.exec(descr ?? '');
  if (type === null || order === undefined || dims === undefined) throw wrong();
  const sizes = dims.split(',').map((size) => size.trim().replace(/L$/, '')).filter((size) => size !== '');
  const shape = sizes.map(Number);
  if (sizes.some((size) => !/^\d+$/.test(size)) || shape.some((size) => !Number.isSafeInteger(size)) || shape.length > 64) throw wrong();
  return { order: type[1], type: type[2], shape, fortran: order === 'True' };
}

/** The header of an array in C order, version 1.0 of the format. The elements follow. */
export function encodeNpyHeader(type: string, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Magic, version and length take 10 bytes; the header ends with a newline on a multiple of 64.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, (length - 10) & 0xff, (length - 10) >> 8]);
  bytes.set(new TextEncoder().encode(text.padEnd(length - 11) + '\n'), 10);
  return bytes;
}

/** The kind of a file that was given instead of an .npy file. */
function somethingElse(file: Buffer): string {
  const start = file.toString('latin1', 0, 40);
  if (file.length === 0) return ', but empty';
  if (start.startsWith('PK\x03\x04')) return ', but a zip archive, as numpy.savez and torch.save write';
  if (file[0] === 0x80 && file[1] <= 5) return ', but a plain pickle: load it with pickle.load and save the result with numpy.save';
  if (start.startsWith('version https://git-lfs')) return ', but a Git LFS pointer: fetch the file with git lfs pull';
  if (/^\s*[{[]/.test(start)) return ', but text, perhaps JSON: load it with json.load and save the result with numpy.save';
  return '';
}
