import protobuf from 'protobufjs';
import { UserError } from '../../errors.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { readRegularFile } from '../../jobs/files/read-file.js';

/** The number of ModelProto's field `metadata_props`. */
const METADATA_FIELD = 14;

/**
 * Sets entries of a model's metadata. Only the outermost message of the file is edited. Everything else, including fields
 * that this program does not know, is copied byte for byte.
 *
 * @param target may be the model itself, which is only replaced when the new file is complete
 * @throws UserError if the file is not a protobuf message, or the target cannot be written
 */
export async function annotateModel(path: string, target: string, entries: ReadonlyMap<string, string>): Promise<void> {
  const bytes = await readRegularFile(path);
  const kept = otherRanges(bytes, entries, path).map(([start, end]) => bytes.subarray(start, end));
  await writeFileAtomic(target, [...kept, encodeEntries(entries)]);
}

/** The byte ranges of all fields except the metadata entries to replace. */
function otherRanges(bytes: Uint8Array, entries: ReadonlyMap<string, string>, path: string): [number, number][] {
  const ranges: [number, number][] = [];
  try {
    const reader = protobuf.Reader.create(bytes);
    while (reader.pos < reader.len) {
      const start = reader.pos;
      const tag = reader.uint32();
      const replaced = tag >>> 3 === METADATA_FIELD && entries.has(entryKey(reader));
      if (tag >>> 3 !== METADATA_FIELD) reader.skipType(tag & 7);
      if (!replaced) ranges.push([start, reader.pos]);
    }
  } catch (error) {
    throw new UserError(`${path} is not a readable ONNX model`, 'is the file complete, and is it ONNX?', { cause: error });
  }
  return ranges;
}

/** Reads one StringStringEntryProto and returns its key (field 1). */
function entryKey(reader: protobuf.Reader): string {
  const end = reader.uint32() + reader.pos;
  let key = '';
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) key = reader.string();
    else reader.skipType(tag & 7);
  }
  return key;
}

function encodeEntries(entries: ReadonlyMap<string, string>): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const [key, value] of entries) {
    writer.uint32((METADATA_FIELD << 3) | 2).fork().uint32((1 << 3) | 2).string(key).uint32((2 << 3) | 2).string(value).ldelim();
  }
  return writer.finish();
}
