import { limitOf, LIMITS } from '../../limits.js';
import { printable } from '../../text/printable.js';
import { corrupt, OrderedDict, PickleError, PickleFunction, PickleObject } from './values.js';
import type { PickleDialect, PickleValue } from './values.js';

// A pickle is a program for a small stack machine, and Python's own loader lets it call anything. This machine only knows
// plain values and the few constructors of a dialect. Anything else is refused, and nothing is executed. Values may be nested
// to any depth and contain one another many times, so never walk a value of unknown structure.

/**
 * Loads a pickle of any protocol from 0 to 5, including Python 2's. Nothing that the pickle names is ever imported or run.
 *
 * @param dialect what it may contain in addition to plain values
 * @returns its value, in the types of {@link PickleValue}
 * @throws {PickleError} for a pickle that is cut short or corrupt, for one that refers to anything outside the dialect (named
 *   in the message), and for one whose values take more memory than the limit `arrayBytes`
 */
export function loadPickle(bytes: Uint8Array, dialect: PickleDialect): PickleValue {
  return readPickle(bytes, dialect).value;
}

/**
 * Loads the pickle at the start of some bytes: see {@link loadPickle}.
 *
 * @returns its value and its length in bytes
 * @throws {PickleError} as {@link loadPickle}
 */
export function readPickle(bytes: Uint8Array, dialect: PickleDialect): { value: PickleValue; length: number } {
  const read = new OperandReader(bytes);
  const stack = new Stack();
  const budget = new Budget();
  const make = (value: PickleValue): void => {
    budget.spend(memoryOf(value));
    stack.push(value);
  };
  const remember = (key: number): void => {
    budget.spend(MEMO);
    memo.set(key, stack.top());
  };
  const memo = new Map<number, PickleValue>();
  const recall = (key: number): PickleValue => {
    const value = memo.get(key);
    if (value === undefined) throw corrupt();
    return value;
  };

  for (;;) {
    const opcode = read.u8();
    budget.spend(STEP);
    switch (String.fromCharCode(opcode)) {
      case '.': return { value: stack.pop(), length: read.position };
      case '\x80': checkProtocol(read.u8()); break;
      case '\x95': read.length8(); break; // a frame, which only helps readers that read ahead

      case 'N': stack.push(null); break;
      case '\x88': stack.push(true); break;
      case '\x89': stack.push(false); break;
      case 'I': stack.push(integerOrFlag(read.line())); break;
      case 'L': make(integerOf(read.line().replace(/L$/, ''))); break;
      case 'J': stack.push(read.i32()); break;
      case 'K': stack.push(read.u8()); break;
      case 'M': stack.push(read.u16()); break;
      case '\x8a': make(integerOfBytes(read.take(read.u8()))); break;
      case '\x8b': make(integerOfBytes(read.take(read.i32()))); break;
      case 'F': stack.push(Number(read.line().replace(/inf$/, 'Infinity'))); break;
      case 'G': stack.push(read.f64()); break;

      case 'S': make(unquote(read.line())); break;
      case 'T': make(read.take(read.i32()).toString('latin1')); break;
      case 'U': make(read.take(read.u8()).toString('latin1')); break;
      case 'V': make(unescapeUnicode(read.line())); break;
      case 'X': make(read.take(read.u32()).toString('utf8')); break;
      case '\x8c': make(read.take(read.u8()).toString('utf8')); break;
      case '\x8d': make(read.take(read.length8()).toString('utf8')); break;
      case 'B': make(read.take(read.u32())); break;
      case 'C': make(read.take(read.u8())); break;
      case '\x8e': case '\x96': make(read.take(read.length8())); break;

      case '(':
        budget.spend(LIST);
        stack.mark();
        break;
      case '0': stack.pop(); break;
      case '1': stack.popToMark(); break;
      case '2': stack.push(stack.top()); break;
      case ')': case ']': make([]); break;
      case '\x85': make(stack.popMany(1)); break;
      case '\x86': make(stack.popMany(2)); break;
      case '\x87': make(stack.popMany(3)); break;
      case 't': case 'l': make(stack.popToMark()); break;
      case 'a': append(stack.popMany(1), stack.top()); break;
      case 'e': append(stack.popToMark(), stack.top()); break;
      case '}': make(new Map()); break;
      case 'd': make(setItems(stack.popToMark(), new Map(), budget)); break;
      case 's': setItems(stack.popMany(2), stack.top(), budget); break;
      case 'u': setItems(stack.popToMark(), stack.top(), budget); break;

      case 'p': remember(Number(read.line())); break;
      case 'q': remember(read.u8()); break;
      case 'r': remember(read.u32()); break;
      case '\x94': remember(memo.size); break;
      case 'g': stack.push(recall(Number(read.line()))); break;
      case 'h': stack.push(recall(read.u8())); break;
      case 'j': stack.push(recall(read.u32())); break;

      case 'c': stack.push(findGlobal(dialect, [read.line(), read.line()])); break;
      case '\x93': stack.push(findGlobal(dialect, stack.popMany(2))); break;
      case 'R': make(call(stack.popMany(2), budget)); break;
      case 'b': setState(stack.popMany(1), stack.top()); break;
      case '\x81':
        if (dialect.newObjects !== true) throw unknownOpcode(opcode, dialect);
        make(call(stack.popMany(2), budget));
        break;
      case 'Q':
        if (dialect.persistent === undefined) throw unknownOpcode(opcode, dialect);
        make(dialect.persistent(stack.pop()));
        break;
      default: throw unknownOpcode(opcode, dialect);
    }
  }
}

/** Memory of a step of the machine (with a value on the stack), a memo, a list, a dictionary, a dictionary entry, and a view of bytes. */
const [STEP, MEMO, LIST, DICTIONARY, ENTRY, VIEW] = [16, 48, 64, 224, 48, 128];

/**
 * Limits the approximate memory of a pickle's values. One byte of a pickle can create an object or copy existing values, so a
 * file's size limits neither memory nor time.
 */
class Budget {
  private readonly limit = limitOf('arrayBytes');
  private spent = 0;

  spend(bytes: number): void {
    this.spent += bytes;
    if (this.spent <= this.limit) return;
    throw new PickleError(
      `its pickle unpacks to more than the limit of ${this.limit} bytes`,
      `if the file is right, raise the limit with the environment variable ${LIMITS.arrayBytes.variable}`,
    );
  }
}

function memoryOf(value: PickleValue): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) return LIST + 8 * value.length;
  return value instanceof Map ? DICTIONARY : VIEW;
}

/** The machine's stack, with marks at the start of a group of values. */
class Stack {
  private values: PickleValue[] = [];
  /** The stacks below each mark. */
  private readonly below: PickleValue[][] = [];

  push(value: PickleValue): void {
    this.values.push(value);
  }

  pop(): PickleValue {
    return this.popMany(1)[0];
  }

  popMany(count: number): PickleValue[] {
    if (this.values.length < count) throw corrupt();
    return this.values.splice(this.values.length - count);
  }

  top(): PickleValue {
    if (this.values.length === 0) throw corrupt();
    return this.values[this.values.length - 1];
  }

  mark(): void {
    this.below.push(this.values);
    this.values = [];
  }

  popToMark(): PickleValue[] {
    const values = this.values;
    const below = this.below.pop();
    if (below === undefined) throw corrupt();
    this.values = below;
    return values;
  }
}

/** Reads opcodes and their operands. */
class OperandReader {
  private at = 0;
  private readonly buffer: Buffer;

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The number of bytes read so far. */
  get position(): number { return this.at; }

  take(length: number): Buffer {
    const start = this.skip(length);
    return this.buffer.subarray(start, this.at);
  }

  /** Skips some bytes and returns the offset of the first. */
  private skip(length: number): number {
    if (length < 0 || length > this.buffer.length - this.at) throw new PickleError('it is cut short');
    const start = this.at;
    this.at += length;
    return start;
  }

  /** The rest of the line, one character per byte. The line end is read too. */
  line(): string {
    const end = this.buffer.indexOf(0x0a, this.at);
    if (end < 0) throw new PickleError('it is cut short');
    return this.take(end + 1 - this.at).toString('latin1').slice(0, -1);
  }

  u8(): number { return this.buffer[this.skip(1)]; }

  u16(): number { return this.buffer.readUInt16LE(this.skip(2)); }

  u32(): number { return this.buffer.readUInt32LE(this.skip(4)); }

  i32(): number { return this.buffer.readInt32LE(this.skip(4)); }

  f64(): number { return this.buffer.readDoubleBE(this.skip(8)); }

  /** A length of 8 bytes. Beyond 2^53 it is inexact, but larger than any file anyway. */
  length8(): number { return Number(this.buffer.readBigUInt64LE(this.skip(8))); }
}

function checkProtocol(version: number): void {
  if (version > 5) throw new PickleError(`its pickle protocol ${version} is not supported`);
}

function append(values: readonly PickleValue[], target: PickleValue): void {
  if (!Array.isArray(target)) throw corrupt();
  for (const value of values) target.push(value);
}

function setItems(pairs: readonly PickleValue[], target: PickleValue, budget: Budget): PickleValue {
  budget.spend(ENTRY / 2 * pairs.length);
  if (!(target instanceof Map) || pairs.length % 2 !== 0) throw corrupt();
  for (let i = 0; i < pairs.length; i += 2) target.set(pairs[i], pairs[i + 1]);
  return target;
}

function unknownOpcode(opcode: number, { reads }: PickleDialect): PickleError {
  return new PickleError(`it contains more than ${reads}, or is corrupt (opcode 0x${opcode.toString(16).padStart(2, '0')})`);
}

function findGlobal({ globals, reads }: PickleDialect, [module, name]: readonly PickleValue[]): PickleFunction {
  if (typeof module !== 'string' || typeof name !== 'string') throw corrupt();
  const found = globals.get(`${module}.${name}`);
  if (found === undefined) throw new PickleError(`it refers to ${printable(`${module}.${name}`)}, which is refused: only ${reads} are supported`);
  return found;
}

function call([callee, args]: readonly PickleValue[], budget: Budget): PickleValue {
  if (!(callee instanceof PickleFunction) || !Array.isArray(args)) throw corrupt();
  // At most, a function copies its arguments.
  budget.spend(8 * args.length);
  for (const value of args) {
    if (typeof value === 'string' || value instanceof Uint8Array) budget.spend(value.length);
    else if (Array.isArray(value)) budget.spend(LIST * value.length);
  }
  return callee.call(args);
}

function setState([state]: readonly PickleValue[], target: PickleValue): void {
  if (target instanceof OrderedDict) return;
  if (!(target instanceof PickleObject)) throw corrupt();
  target.setState(state);
}

/** Protocol 0 writes True and False as the integers 01 and 00. */
function integerOrFlag(text: string): number | bigint | boolean {
  if (text === '01') return true;
  if (text === '00') return false;
  return integerOf(text);
}

/** The longest supported integer, in bytes: the time to parse an integer grows faster than its length. */
const LONGEST_INTEGER = 1024;

function integerOf(text: string): number | bigint {
  if (text.length > 2 * LONGEST_INTEGER) throw tooLongInteger(`${text.length} digits`);
  if (!/^[+-]?\d+$/.test(text)) throw corrupt();
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** An integer in two's complement, lowest byte first. */
function integerOfBytes(bytes: Uint8Array): number | bigint {
  if (bytes.length > LONGEST_INTEGER) throw tooLongInteger(`${bytes.length} bytes`);
  if (bytes.length === 0) return 0;
  const value = BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`));
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

function tooLongInteger(length: string): PickleError {
  return new PickleError(`it contains an integer of ${length}, which is too long`);
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** Python 2's repr of a str: in quotes, with unprintable bytes as \n, \r, \t, \xHH. */
function unquote(text: string): string {
  const match = /^(['"])(.*)\1$/s.exec(text);
  if (match === null) throw corrupt();
  return match[2].replace(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? escapes[letter] ?? letter : String.fromCharCode(parseInt(hex, 16)));
}

/** Decodes \uXXXX and \UXXXXXXXX, which stand for characters beyond Latin-1, backslashes and line ends. */
function unescapeUnicode(text: string): string {
  return text.replace(/\\u([0-9a-fA-F]{4})|\\U(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})/g, (_, short: string | undefined, long: string) =>
    String.fromCodePoint(parseInt(short ?? long, 16)));
}
