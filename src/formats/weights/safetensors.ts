import { DataType, sizeOf } from '../../onnx/tensor.js';
import { decodeFloats, elementSize } from './elements.js';
import { cutShort, WeightsError } from './error.js';
import type { FileBytes } from './file-bytes.js';
import type { StateDict, StoredTensor } from './stored-tensor.js';

/** The format's own limit for the header, in bytes. */
const MAX_HEADER = 100_000_000;

/** Our own limit: enough for 100,000 tensors. */
const LONGEST_HEADER = 2 ** 24;

/** The nesting of a header: an object of objects with arrays. */
const DEEPEST = 3;

const types: Readonly<Record<string, DataType>> = {
  F64: DataType.float64, F32: DataType.float32, F16: DataType.float16, BF16: DataType.bfloat16,
  I64: DataType.int64, I32: DataType.int32, I16: DataType.int16, I8: DataType.int8,
  U64: DataType.uint64, U32: DataType.uint32, U16: DataType.uint16, U8: DataType.uint8, BOOL: DataType.bool,
};

interface Entry {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/**
 * Reads the table of a safetensors file: the length of a header in 8 bytes, the header as JSON, then the tensors' bytes
 * without gaps. Format: https://huggingface.co/docs/safetensors
 *
 * @throws {WeightsError} if the file breaks the format's rules
 */
export async function readSafetensors(file: FileBytes): Promise<StateDict> {
  const length = Number((await file.read(0, 8)).readBigUInt64LE());
  if (length > MAX_HEADER) throw new WeightsError(`its header takes ${length} bytes, more than safetensors allows`);
  if (8 + length > file.size) throw cutShort();
  if (length > LONGEST_HEADER) throw new WeightsError(`its header takes ${length} bytes, more than the limit of ${LONGEST_HEADER}`);
  const header = await file.read(8, length);
  if (depthOf(header) > DEEPEST) throw new WeightsError('its header is wrong: it is nested too deeply');
  const dataStart = 8 + length;
  const entries = parseHeader(header.toString('utf8'));
  checkLayout(entries, file.size - dataStart);
  return new Map(entries.map(({ name, type, shape, start, end }): [string, StoredTensor] => [name, {
    type, shape, read: async () => decodeFloats(type, await file.read(dataStart + start, end - start)),
  }]));
}

/** The nesting depth of a JSON text. Stops beyond {@link DEEPEST}. Checked first, since JSON.parse takes memory for each level. */
function depthOf(json: Uint8Array): number {
  let [depth, deepest, inString] = [0, 0, false];
  for (let i = 0; i < json.length && deepest <= DEEPEST; i++) {
    const byte = json[i];
    if (inString) {
      if (byte === 0x5c) i++; // what a backslash escapes
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return deepest;
}

function parseHeader(text: string): Entry[] {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new WeightsError('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw new WeightsError('its header is not a JSON object');
  return Object.entries(header).filter(([name]) => name !== '__metadata__').map(([name, value]) => parseEntry(name, value));
}

function parseEntry(name: string, value: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const wrong = (what: string): WeightsError => new WeightsError(`its header is wrong: '${name}' has ${what}`);
  if (typeof dtype !== 'string') throw wrong('no dtype');
  if (!Object.hasOwn(types, dtype)) throw new WeightsError(`'${name}' has the dtype ${dtype}, which is not supported`, `supported dtypes: ${Object.keys(types).join(', ')}`);
  const type = types[dtype];
  if (!isSizes(shape)) throw wrong('no shape of whole numbers');
  if (!isSizes(offsets) || offsets.length !== 2) throw wrong('no two data_offsets');
  const [start, end] = offsets;
  const bytes = sizeOf(shape) * elementSize(type);
  if (end - start !== bytes) throw wrong(`${end - start} bytes, but ${dtype} [${shape.join(', ')}] takes ${bytes}`);
  return { name, type, shape, start, end };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Tensors must follow one another without gaps and fill the file. */
function checkLayout(entries: readonly Entry[], available: number): void {
  let at = 0;
  for (const { name, start, end } of [...entries].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start !== at) throw new WeightsError(`its header is wrong: '${name}' starts at byte ${start}, ${start < at ? 'inside the tensor before it' : 'after a gap'}`);
    at = end;
  }
  if (at > available) throw cutShort();
  if (at < available) throw new WeightsError(`its header is wrong: ${available - at} bytes belong to no tensor`);
}
