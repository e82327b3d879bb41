import { cutShort, WeightsError } from './error.js';
import type { FileBytes } from './file-bytes.js';

/** A file inside a zip archive: the place of its content in the archive, in bytes. */
export interface ZipEntry {
  readonly offset: number;
  readonly size: number;
  readonly compressed: boolean;
}

const END_RECORD = 22;
const ZIP64_LOCATOR = 20;
const LONGEST_COMMENT = 0xffff;
const LOCAL_HEADER = 30;
const CENTRAL_HEADER = 46;

/** More files than any checkpoint has storages. */
const MOST_FILES = 2 ** 16;

const corrupt = (): WeightsError => new WeightsError('it is a corrupt zip archive', 'copy or download it again');

/**
 * Lists a zip archive by its central directory, zip64 included, and finds where the content of each file begins. Nothing
 * of the content is read. Format: PKWARE's APPNOTE.TXT.
 *
 * @throws {WeightsError} where the archive is cut short, corrupt or encrypted
 */
export async function readZip(file: FileBytes): Promise<Map<string, ZipEntry>> {
  const directory = await readDirectory(file);
  const entries = new Map<string, ZipEntry>();
  let files = 0;
  for (let at = 0; at < directory.length;) {
    const entry = parseEntry(directory, at);
    at = entry.next;
    if (entry.name.endsWith('/')) continue;
    if (++files > MOST_FILES) throw new WeightsError(`it is a zip archive of more than ${MOST_FILES} files, more than a checkpoint has`);
    const local = await file.read(entry.header, LOCAL_HEADER);
    if (local.readUInt32LE() !== 0x04034b50) throw corrupt();
    const offset = entry.header + LOCAL_HEADER + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (offset + entry.size > file.size) throw cutShort();
    entries.set(entry.name, { offset, size: entry.size, compressed: entry.compressed });
  }
  return entries;
}

/** The bytes of the central directory, which the record at the end of the file points at. */
async function readDirectory(file: FileBytes): Promise<Buffer> {
  const length = Math.min(file.size, END_RECORD + ZIP64_LOCATOR + LONGEST_COMMENT);
  const tail = await file.read(file.size - length, length);
  const end = lastEndRecord(tail);
  // The directory ends the file: without it, the end of the file is missing.
  if (end === undefined) throw cutShort();
  let [size, offset] = [tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
  const locator = end - ZIP64_LOCATOR;
  if (locator >= 0 && tail.readUInt32LE(locator) === 0x07064b50) {
    const record = await file.read(Number(tail.readBigUInt64LE(locator + 8)), 56);
    if (record.readUInt32LE() !== 0x06064b50) throw corrupt();
    [size, offset] = [Number(record.readBigUInt64LE(40)), Number(record.readBigUInt64LE(48))];
  }
  return file.read(offset, size);
}

function lastEndRecord(tail: Buffer): number | undefined {
  for (let at = tail.length - END_RECORD; at >= 0; at--) {
    if (tail.readUInt32LE(at) === 0x06054b50 && tail.readUInt16LE(at + 20) === tail.length - at - END_RECORD) return at;
  }
  return undefined;
}

/**
 * A file of an archive that is stored as it is, if it is there.
 *
 * @throws {WeightsError} where it is compressed
 */
export function storedEntry(entries: ReadonlyMap<string, ZipEntry>, name: string): ZipEntry | undefined {
  const entry = entries.get(name);
  if (entry?.compressed === true) {
    throw new WeightsError(`'${name}' in the zip archive is compressed; torch.save compresses nothing`, 'unpack it and pack it again without compression: zip -0 -r');
  }
  return entry;
}

/** One entry of the central directory. `size` is that in the archive, `header` where its local header is, `next` where the next entry begins. */
function parseEntry(directory: Buffer, at: number): { name: string; size: number; header: number; compressed: boolean; next: number } {
  if (at + CENTRAL_HEADER > directory.length || directory.readUInt32LE(at) !== 0x02014b50) throw corrupt();
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field));
  const extraStart = at + CENTRAL_HEADER + nameLength;
  const next = extraStart + extraLength + commentLength;
  if (next > directory.length) throw corrupt();
  const name = directory.toString('utf8', at + CENTRAL_HEADER, extraStart);
  if ((directory.readUInt16LE(at + 8) & 1) !== 0) throw new WeightsError(`'${name}' in the zip archive is encrypted`);
  const [packed, size, header] = [20, 24, 42].map((field) => directory.readUInt32LE(at + field));
  const large = zip64Sizes(directory.subarray(extraStart, extraStart + extraLength), [size, packed, header]);
  const compressed = directory.readUInt16LE(at + 10) !== 0;
  if (!compressed && large[0] !== large[1]) throw corrupt();
  return { name, size: large[1], header: large[2], compressed, next };
}

/** Sizes of 32 bits, those that are all ones replaced by the next one of 64 bits in the extra field 1. */
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
