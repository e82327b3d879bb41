import { printable } from '../../text/printable.js';

/** A pickle cannot be loaded. The message says why, without the file's name ("it is cut short"). */
export class PickleError extends Error {
  override readonly name = 'PickleError';

  /** @param hint how to fix it, if this differs from the caller's hint */
  constructor(message: string, readonly hint?: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * A value in a pickle. Python's tuples and lists become arrays, dicts become maps, bytes become byte arrays. Python 2's `str`,
 * which may be bytes or text, becomes a string with one character per byte. Integers beyond 2^53 become bigints.
 */
export type PickleValue = null | boolean | number | bigint | string | Uint8Array
  | PickleValue[] | Map<PickleValue, PickleValue> | PickleObject | PickleFunction;

/** One of the few functions that a pickle may name. */
export class PickleFunction {
  constructor(readonly call: (args: readonly PickleValue[]) => PickleValue) {}
}

/** A value defined by a dialect, such as a numpy array or a PyTorch tensor. */
export abstract class PickleObject {
  /**
   * Sets the state of an object after its creation.
   *
   * @throws {PickleError} if the state is invalid for such an object
   */
  abstract setState(state: PickleValue): void;

  /** What it is, for messages. */
  describe(): string {
    return 'an object';
  }
}

/** Python's collections.OrderedDict. Attributes that a pickle sets on it (PyTorch's `_metadata`) are ignored. */
export class OrderedDict extends Map<PickleValue, PickleValue> {}

/** What a pickle may contain in addition to plain values. */
export interface PickleDialect {
  /** What it supports, for messages: "plain values and numpy arrays". */
  readonly reads: string;
  /** Everything that a pickle may name, as `module.name`. */
  readonly globals: ReadonlyMap<string, PickleFunction>;
  /** Whether objects may be created with the opcode NEWOBJ as well as by a call. */
  readonly newObjects?: boolean;
  /** Resolves a reference to something stored outside the pickle. */
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

/** A value for a message: short, and without walking it, since a few bytes can stand for an endless value. */
export function shortly(value: PickleValue): string {
  if (typeof value === 'string') return `'${printable(value)}'`;
  if (typeof value === 'bigint') return 'an integer beyond 2^53';
  if (value === null || typeof value !== 'object') return String(value);
  if (value instanceof Uint8Array) return `b'${printable(Buffer.from(value.subarray(0, 200)).toString('latin1'))}'`;
  if (Array.isArray(value)) return value.length <= 10 && value.every((entry) => typeof entry === 'number') ? `[${value.join(', ')}]` : `a list of ${value.length}`;
  if (value instanceof PickleObject) return value.describe();
  return value instanceof Map ? `a dictionary of ${value.size}` : 'a function';
}
