import type { FileHandle } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import { openRegularFile } from '../../jobs/files/read-file.js';
import type { ProtoGraph, ProtoModel, ProtoTensor } from '../proto.js';
import { protoNumber } from '../proto.js';
import { bytesPerElement, dataTypeName, sizeOf } from '../tensor.js';

/** `data_location` of a tensor whose bytes are in a side file. */
const EXTERNAL = 1;

interface SideFile { readonly handle: FileHandle; readonly size: number }

/**
 * Reads the tensors of a model that are in side files (ONNX's external data): weights, and tensors in attributes.
 *
 * @param path the model's path; side files must be in its folder or below
 * @returns the paths of the side files, as the model names them
 * @throws UserError that names the tensor and the file if the file cannot be read or does not match the model
 */
export async function loadSideFiles(proto: ProtoModel, path: string): Promise<string[]> {
  const opened = new Map<string, SideFile>();
  try {
    for (const tensor of tensorsOf(proto.graph)) {
      if (tensor.data_location !== EXTERNAL) continue;
      const what = `tensor '${tensor.name ?? ''}' of ${path}`;
      const entries = new Map((tensor.external_data ?? []).map(({ key, value }) => [key, value ?? ''] as const));
      const location = entries.get('location') ?? '';
      const file = locate(location, path, what);
      const side = opened.get(location) ?? await openSideFile(file, path);
      opened.set(location, side);
      const offset = numberOf(entries.get('offset') ?? '0', 'offset', what, file);
      const length = lengthOf(tensor, entries.get('length'), what, file);
      if (offset + length > side.size) {
        throw new UserError(`${what} needs ${length} bytes from byte ${offset} of ${file}, which ends ${offset + length - side.size} bytes early`, 'is the side file complete, and does it belong to this model?');
      }
      const { bytesRead, buffer } = await side.handle.read(Buffer.alloc(length), 0, length, offset);
      if (bytesRead !== length) throw new UserError(`${what} needs ${length} bytes from byte ${offset} of ${file}, which ends ${length - bytesRead} bytes early`);
      tensor.raw_data = buffer;
      tensor.data_location = 0;
    }
  } finally {
    for (const { handle } of opened.values()) await handle.close();
  }
  return [...opened.keys()];
}

/** The tensors of a graph and of its subgraphs. */
function* tensorsOf(graph: ProtoGraph | undefined): Generator<ProtoTensor> {
  yield* graph?.initializer ?? [];
  for (const { attribute = [] } of graph?.node ?? []) {
    for (const { t, g } of attribute) {
      if (t) yield t;
      if (g) yield* tensorsOf(g);
    }
  }
}

function locate(location: string, path: string, what: string): string {
  const folder = dirname(resolve(path));
  const file = resolve(folder, location);
  const inside = relative(folder, file);
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside) || location.includes('\0')) {
    throw new UserError(`${what} is in a side file outside the model's folder: '${location}'`);
  }
  return file;
}

async function openSideFile(file: string, path: string): Promise<SideFile> {
  try {
    const { file: handle, size } = await openRegularFile(file);
    return { handle, size };
  } catch (error) {
    const reason = error instanceof UserError ? error.message : `${file}: ${messageOf(error)}`;
    throw new UserError(`cannot read the weights of ${path}: ${reason}`, 'keep the side file next to the model', { cause: error });
  }
}

/** Parses an offset or a length in a side file: decimal digits. */
function numberOf(text: string, part: 'offset' | 'length', what: string, file: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new UserError(`${what}: its ${part} in ${file} is '${text}', not a number of bytes`, 'export the model with its external data again');
}

function lengthOf({ dims = [], data_type: type = 0 }: ProtoTensor, given: string | undefined, what: string, file: string): number {
  const size = sizeOf(dims.map(protoNumber));
  const each = bytesPerElement(type);
  if (each === undefined && given === undefined) throw new UserError(`${what} is of type ${dataTypeName(type)}, and the model does not give its length in ${file}`);
  const expected = each === undefined ? undefined : size * each;
  const length = given === undefined ? expected! : numberOf(given, 'length', what, file);
  if (expected !== undefined && length !== expected) {
    throw new UserError(`${what} has ${length} bytes in ${file}, but its shape [${dims.map(protoNumber).join(', ')}] of ${dataTypeName(type)} needs ${expected}`, 'export the model with its external data again');
  }
  return length;
}
