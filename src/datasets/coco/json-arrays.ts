import { UserError } from '../../errors.js';

/** An object in one of the top-level arrays of a JSON file. */
export interface ArrayElement {
  /** The array's key. */
  readonly key: string;
  /** Its place in the array, from 0. */
  readonly index: number;
  /** Its place in the file, in bytes. */
  readonly offset: number;
  /** Its text, valid only during the call. */
  readonly bytes: Buffer;
  /** Start and end of each array and object inside it, in bytes from the element's start. */
  readonly nested: readonly number[];
}

/** The most bytes of one element; the largest of COCO have some 100,000. */
const MOST_BYTES = 2 ** 26;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** What a byte means outside strings: nothing, or one of these. */
const [STRING, OPENS, CLOSES] = [1, 2, 3];
const meanings = Uint8Array.from({ length: 256 }, (_, byte) => (
  byte === QUOTE ? STRING : byte === OPEN_ARRAY || byte === OPEN_OBJECT ? OPENS : byte === CLOSE_ARRAY || byte === CLOSE_OBJECT ? CLOSES : 0));

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Where the scanner is, outside strings: what may come next. */
type Place = 'start' | 'key' | 'in key' | 'colon' | 'value' | 'in value' | 'in array' | 'in element' | 'end';

/**
 * Finds the objects in some of the top-level arrays of a JSON file that arrives in pieces, so that a file of any size needs little
 * memory. Everything else is skipped. Only the structure is checked: parse the elements to check them.
 */
export class JsonArrays {
  private place: Place = 'start';
  private depth = 0;
  private inString = false;
  private escaped = false;
  /** Bytes before the current chunk. */
  private before = 0;
  /** Where the current key or element starts: in the current chunk, after `pieces` of earlier chunks. */
  private from = -1;
  private pieces: Buffer[] = [];
  private offset = 0;
  private key = '';
  private index = 0;
  private nested: number[] = [];
  private readonly seen = new Set<string>();

  /**
   * @param keys the arrays to read
   * @param onElement called for each object in them, in the order of the file
   */
  constructor(private readonly keys: readonly string[], private readonly onElement: (element: ArrayElement) => void) {}

  /**
   * Scans the next bytes of the file. They may be overwritten afterwards.
   *
   * @throws UserError if they are not JSON, or if one of the arrays is not a list of objects
   */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) at = this.step(chunk, at);
    if (this.from >= 0) {
      const length = this.pieces.reduce((sum, piece) => sum + piece.length, chunk.length - this.from);
      if (length > MOST_BYTES) throw this.broken(this.offset, `a text or an object has more than ${MOST_BYTES} bytes`);
      this.pieces.push(Buffer.from(chunk.subarray(this.from)));
      this.from = 0;
    }
    this.before += chunk.length;
  }

  /**
   * Ends the file.
   *
   * @returns the arrays that it had
   * @throws UserError if the file is cut off
   */
  end(): ReadonlySet<string> {
    if (this.place === 'start') throw new UserError('it is empty', 'download or write it again');
    if (this.place !== 'end') throw new UserError(`it ends within its content, after ${this.before} bytes`, 'it is cut off: download or write it again');
    return this.seen;
  }

  private step(chunk: Buffer, at: number): number {
    const byte = chunk[at];
    if (this.inString) {
      const end = this.endOfString(chunk, at);
      if (!this.inString && this.place === 'in key') {
        this.key = JSON.parse(this.token(chunk, end).toString()) as string;
        this.place = 'colon';
      }
      return end;
    }
    if (this.place === 'in element' || (this.place === 'in value' && this.depth > 1)) return this.within(chunk, at);
    if (isSpace(byte) || (this.place === 'start' && this.before + at < 3 && [0xef, 0xbb, 0xbf][this.before + at] === byte)) return at + 1;
    switch (this.place) {
      case 'start':
        if (byte !== OPEN_OBJECT) throw new UserError('it is not a JSON object', 'COCO annotations are an object with the keys images, annotations and categories');
        this.depth = 1;
        this.place = 'key';
        return at + 1;
      case 'key':
        if (byte === QUOTE) {
          this.begin(at);
          this.place = 'in key';
          this.inString = true;
        } else if (byte === CLOSE_OBJECT) this.place = 'end';
        else if (byte !== COMMA) throw this.broken(this.before + at);
        return at + 1;
      case 'colon':
        if (byte !== COLON) throw this.broken(this.before + at);
        this.place = 'value';
        return at + 1;
      case 'value':
        return this.value(byte, at);
      case 'in value':
        // The rest of a number or word, or what follows a value.
        if (byte === COMMA) this.place = 'key';
        else if (byte === CLOSE_OBJECT) this.place = 'end';
        else if (meanings[byte] !== 0) throw this.broken(this.before + at);
        return at + 1;
      case 'in array':
        return this.inArray(byte, at);
      default:
        throw this.broken(this.before + at, 'there is text after its end');
    }
  }

  private value(byte: number, at: number): number {
    const wanted = this.keys.includes(this.key);
    if (wanted) {
      if (this.seen.has(this.key)) throw new UserError(`it has the key '${this.key}' twice`);
      if (byte !== OPEN_ARRAY) throw new UserError(`its '${this.key}' is not a list`);
      this.seen.add(this.key);
      this.index = 0;
      this.place = 'in array';
      return at + 1;
    }
    this.place = 'in value';
    if (meanings[byte] === OPENS) this.depth++;
    else if (byte === QUOTE) this.inString = true;
    else if (byte === COMMA || meanings[byte] === CLOSES) throw this.broken(this.before + at);
    return at + 1;
  }

  private inArray(byte: number, at: number): number {
    if (byte === OPEN_OBJECT) {
      this.begin(at);
      this.nested = [];
      this.depth = 3;
      this.place = 'in element';
    } else if (byte === CLOSE_ARRAY) {
      this.depth = 1;
      this.place = 'in value';
    } else if (byte !== COMMA) throw this.broken(this.before + at, `${this.key}[${this.index}] is not an object`);
    return at + 1;
  }

  /** Goes on in a nested value, up to a string, the value's end, or the chunk's. */
  private within(chunk: Buffer, start: number): number {
    const inElement = this.place === 'in element';
    const floor = inElement ? 2 : 1;
    let { depth } = this;
    let at = start;
    const end = chunk.length;
    while (at < end) {
      const meaning = meanings[chunk[at++]];
      if (meaning === 0) continue;
      if (meaning === STRING) {
        this.inString = true;
        break;
      }
      if (meaning === OPENS) {
        if (inElement && depth === 3) this.nested.push(this.before + at - 1 - this.offset);
        depth++;
      } else {
        depth--;
        if (inElement && depth === 3) this.nested.push(this.before + at - this.offset);
        if (depth === floor) break;
      }
    }
    this.depth = depth;
    if (inElement && depth === 2) {
      this.onElement({ key: this.key, index: this.index++, offset: this.offset, bytes: this.token(chunk, at), nested: this.nested });
      this.place = 'in array';
    }
    return at;
  }

  private endOfString(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.escaped) this.escaped = false;
      else if (byte === BACKSLASH) this.escaped = true;
      else if (byte === QUOTE) {
        this.inString = false;
        return at + 1;
      }
    }
    return chunk.length;
  }

  private begin(at: number): void {
    this.from = at;
    this.offset = this.before + at;
  }

  /** The bytes of the current key or element, which ends before `end`. */
  private token(chunk: Buffer, end: number): Buffer {
    const last = chunk.subarray(this.from, end);
    const bytes = this.pieces.length === 0 ? last : Buffer.concat([...this.pieces, last]);
    this.from = -1;
    this.pieces = [];
    return bytes;
  }

  private broken(place: number, what = 'it is not JSON'): UserError {
    return new UserError(`${what} (at byte ${place})`, 'download or write it again');
  }
}

/** The text of an element with `null` for each array and object in it, which is fast to parse. */
export function flatText({ bytes, nested }: Pick<ArrayElement, 'bytes' | 'nested'>): string {
  if (nested.length === 0) return bytes.toString();
  let text = '';
  let from = 0;
  for (let i = 0; i < nested.length; i += 2) {
    text += `${bytes.toString('utf8', from, nested[i])}null`;
    from = nested[i + 1];
  }
  return text + bytes.toString('utf8', from);
}
