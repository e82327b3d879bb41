import { printable } from '../../text/printable.js';

/** A pickle that cannot be loaded; the message says why, without the file's name ("it is cut short"). */
export class PickleError extends Error {
  override readonly name = 'PickleError';

  /** @param hint how to mend it, if there is more to say than what the file should be */
  constructor(message: string, readonly hint?: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * What a pickle can hold. Python's tuples and lists both come out as arrays, dicts as maps, bytes as byte arrays;
 * Python 2's `str`, which may be bytes or text, as text with one character per byte. Integers beyond 2^53 are bigints.
 */
export type PickleValue = null | boolean | number | bigint | string | Uint8Array
  | PickleValue[] | Map<PickleValue, PickleValue> | PickleObject | PickleFunction;

/** One of the few functions that a pickle may name. */
export class PickleFunction {
  constructor(readonly call: (args: readonly PickleValue[]) => PickleValue) {}
}

/** A value of a dialect's own, such as an array of numpy's or a tensor of PyTorch's. */
export abstract class PickleObject {
  /**
   * Takes the state that a pickle gives to an object after it was made.
   *
   * @throws {PickleError} where it is not what such an object has
   */
  abstract setState(state: PickleValue): void;

  /** What it is, for messages. */
  describe(): string {
    return 'an object';
  }
}

/** Python's collections.OrderedDict. Attributes that a pickle sets on it (PyTorch's `_metadata`) are left out. */
export class OrderedDict extends Map<PickleValue, PickleValue> {}

/** What a pickle may hold beside plain values. */
export interface PickleDialect {
  /** What it reads, for messages: "plain values and numpy arrays". */
  readonly reads: string;
  /** Everything that a pickle may name, as `module.name`. */
  readonly globals: ReadonlyMap<string, PickleFunction>;
  /** Whether an object may be made by the opcode NEWOBJ as well as by a call. */
  readonly newObjects?: boolean;
  /** What a pickle means by something that is kept outside of it. */
  readonly persistent?: (id: PickleValue) => PickleValue;
}

/** The error for a pickle that breaks its own format. */
export function corrupt(): PickleError {
  return new PickleError('it is corrupt');
}

/** Bytes as Python 3 pickles them, or as Python 2's str. */
export function bytesOf(value: PickleValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  throw corrupt();
}

/** A value in a message: short, and never walked, since a few bytes can stand for a value without end. */
export function shortly(value: PickleValue): string {
  if (typeof value === 'string') return `'${printable(value)}'`;
  if (typeof value === 'bigint') return 'an integer beyond 2^53';
  if (value === null || typeof value !== 'object') return String(value);
  if (value instanceof Uint8Array) return `b'${printable(Buffer.from(value.subarray(0, 200)).toString('latin1'))}'`;
  if (Array.isArray(value)) return value.length <= 10 && value.every((entry) => typeof entry === 'number') ? `[${value.join(', ')}]` : `a list of ${value.length}`;
  if (value instanceof PickleObject) return value.describe();
  return value instanceof Map ? `a dictionary of ${value.size}` : 'a function';
}
