import * as zlib from 'node:zlib';
import { printable } from '../../text/printable.js';
import { crc32 } from '../png/crc32.js';
import { cutShort, WeightsError } from './error.js';
import type { FileBytes } from './file-bytes.js';

/** A file in a zip archive: the place of its content in the archive, in bytes. */
export interface ZipEntry {
  readonly offset: number;
  readonly size: number;
  readonly compressed: boolean;
  /** The number of its compression method: 0 for none, 8 for deflate. */
  readonly method: number;
  /** Its unpacked size in bytes, as the archive says. */
  readonly unpacked: number;
  readonly crc: number;
}

const END_RECORD = 22;
const ZIP64_LOCATOR = 20;
const LONGEST_COMMENT = 0xffff;
const LOCAL_HEADER = 30;
const CENTRAL_HEADER = 46;
/** A directory of ten thousand files takes about 1 MB. */
const LARGEST_DIRECTORY = 16 * 2 ** 20;

/** More files than any checkpoint has storages. */
const MOST_FILES = 2 ** 16;

const corrupt = (): WeightsError => new WeightsError('it is a corrupt zip archive', 'copy or download it again');

/** A range of bytes to read. */
type Range = readonly [offset: number, length: number];

/**
 * Lists a zip archive by its central directory, including zip64, and finds where the content of each file starts. No content
 * is read. Format: PKWARE's APPNOTE.TXT.
 *
 * @throws {WeightsError} if the archive is cut short, corrupt or encrypted, or two of its files overlap or have the same name
 */
export async function readZip(file: FileBytes): Promise<Map<string, ZipEntry>> {
  const listing = listZip(file.size);
  let step = listing.next();
  while (step.done !== true) step = listing.next(await file.read(...step.value));
  return step.value;
}

/**
 * Like {@link readZip}, for an archive in memory.
 *
 * @throws {WeightsError} as {@link readZip}
 */
export function readZipBytes(bytes: Uint8Array): Map<string, ZipEntry> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const listing = listZip(buffer.length);
  let step = listing.next();
  while (step.done !== true) {
    const [offset, length] = step.value;
    if (!(offset >= 0 && length >= 0 && offset + length <= buffer.length)) throw cutShort();
    step = listing.next(buffer.subarray(offset, offset + length));
  }
  return step.value;
}

/**
 * The content of a file in an archive in memory: a view of the archive, or unpacked. At most `unpacked` bytes are unpacked. The
 * caller must check that this is not too much.
 *
 * @param name for messages
 * @throws {WeightsError} if it is damaged, or not compressed with deflate
 */
export function unpackEntry(bytes: Uint8Array, { offset, size, method, unpacked, crc }: ZipEntry, name: string): Uint8Array {
  const damaged = (): WeightsError => new WeightsError(`'${printable(name)}' in the zip archive is damaged`, 'copy or download it again');
  if (method !== 0 && method !== 8) throw new WeightsError(`'${printable(name)}' in the zip archive has an unsupported compression (method ${method})`);
  let content = bytes.subarray(offset, offset + size);
  if (method === 8) {
    try {
      // In one piece, and not a byte more than the archive says.
      content = zlib.inflateRawSync(content, { chunkSize: Math.max(unpacked + 1, 64), maxOutputLength: Math.max(unpacked, 1) });
    } catch {
      throw damaged();
    }
  }
  if (content.length !== unpacked || checksum(content) !== crc) throw damaged();
  return content;
}

/** Node.js has its own since 20.15, which is faster. */
const checksum: (bytes: Uint8Array) => number = 'crc32' in zlib ? zlib.crc32 : crc32;

/** Lists an archive. Yields each range that it needs, and receives its bytes. */
function* listZip(archiveSize: number): Generator<Range, Map<string, ZipEntry>, Buffer> {
  const directory = yield* readDirectory(archiveSize);
  const entries = new Map<string, ZipEntry>();
  const places: { header: number; end: number }[] = [];
  for (let at = 0; at < directory.length;) {
    const { name, size, header, next, ...entry } = parseEntry(directory, at);
    at = next;
    if (name.endsWith('/')) continue;
    if (entries.size === MOST_FILES) throw new WeightsError(`it is a zip archive with more than ${MOST_FILES} files, which no checkpoint has`);
    if (entries.has(name)) throw new WeightsError(`it is a zip archive with two files named '${printable(name)}'`);
    const local = yield [header, LOCAL_HEADER];
    if (local.readUInt32LE() !== 0x04034b50) throw corrupt();
    const offset = header + LOCAL_HEADER + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (offset + size > archiveSize) throw cutShort();
    entries.set(name, { offset, size, ...entry });
    places.push({ header, end: offset + size });
  }
  // A few bytes shared by many files could unpack to any size.
  places.sort((a, b) => a.header - b.header);
  if (places.some(({ header }, i) => i > 0 && header < places[i - 1].end)) throw new WeightsError('it is a zip archive whose files overlap');
  return entries;
}

/** The bytes of the central directory, found by the record at the end of the file. */
function* readDirectory(archiveSize: number): Generator<Range, Buffer, Buffer> {
  const length = Math.min(archiveSize, END_RECORD + ZIP64_LOCATOR + LONGEST_COMMENT);
  const tail = yield [archiveSize - length, length];
  const end = lastEndRecord(tail);
  // The record is at the end of the file. Without it, the file is cut short.
  if (end === undefined) throw cutShort();
  let [size, offset] = [tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
  const locator = end - ZIP64_LOCATOR;
  if (locator >= 0 && tail.readUInt32LE(locator) === 0x07064b50) {
    const record = yield [Number(tail.readBigUInt64LE(locator + 8)), 56];
    if (record.readUInt32LE() !== 0x06064b50) throw corrupt();
    [size, offset] = [Number(record.readBigUInt64LE(40)), Number(record.readBigUInt64LE(48))];
  }
  if (size > LARGEST_DIRECTORY) throw new WeightsError(`it is a zip archive whose directory takes ${size} bytes, more than the limit of ${LARGEST_DIRECTORY}`);
  return yield [offset, size];
}

function lastEndRecord(tail: Buffer): number | undefined {
  for (let at = tail.length - END_RECORD; at >= 0; at--) {
    if (tail.readUInt32LE(at) === 0x06054b50 && tail.readUInt16LE(at + 20) === tail.length - at - END_RECORD) return at;
  }
  return undefined;
}

/**
 * An uncompressed file in an archive, or `undefined` if there is no such file.
 *
 * @throws {WeightsError} if it is compressed
 */
export function storedEntry(entries: ReadonlyMap<string, ZipEntry>, name: string): ZipEntry | undefined {
  const entry = entries.get(name);
  if (entry?.compressed === true) {
    throw new WeightsError(`'${name}' in the zip archive is compressed, but torch.save writes without compression`, 'unpack the archive and pack it again without compression: zip -0 -r');
  }
  return entry;
}

/** One entry of the central directory. `size` is the size in the archive, `header` the offset of the local header, `next` that of the next entry. */
function parseEntry(directory: Buffer, at: number): Omit<ZipEntry, 'offset'> & { name: string; header: number; next: number } {
  if (at + CENTRAL_HEADER > directory.length || directory.readUInt32LE(at) !== 0x02014b50) throw corrupt();
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field));
  const extraStart = at + CENTRAL_HEADER + nameLength;
  const next = extraStart + extraLength + commentLength;
  if (next > directory.length) throw corrupt();
  const name = directory.toString('utf8', at + CENTRAL_HEADER, extraStart);
  if ((directory.readUInt16LE(at + 8) & 1) !== 0) throw new WeightsError(`'${printable(name)}' in the zip archive is encrypted`);
  const [packed, size, header] = [20, 24, 42].map((field) => directory.readUInt32LE(at + field));
  const large = zip64Sizes(directory.subarray(extraStart, extraStart + extraLength), [size, packed, header]);
  const method = directory.readUInt16LE(at + 10);
  const compressed = method !== 0;
  if (!compressed && large[0] !== large[1]) throw corrupt();
  return { name, size: large[1], header: large[2], compressed, method, unpacked: large[0], crc: directory.readUInt32LE(at + 16), next };
}

/** Replaces each 32-bit size that is all ones by the next 64-bit size in the extra field 1. */
function zip64Sizes(extra: Buffer, sizes: readonly number[]): number[] {
  if (!sizes.includes(0xffffffff)) return [...sizes];
  for (let at = 0; at + 4 <= extra.length;) {
    const length = extra.readUInt16LE(at + 2);
    const content = extra.subarray(at + 4, at + 4 + length);
    if (extra.readUInt16LE(at) === 1) {
      let read = 0;
      return sizes.map((size) => {
        if (size !== 0xffffffff) return size;
        if (read + 8 > content.length) throw corrupt();
        read += 8;
        return Number(content.readBigUInt64LE(read - 8));
      });
    }
    at += 4 + length;
  }
  throw corrupt();
}
