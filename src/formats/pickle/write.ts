/** A numpy array to pickle, in C order, little-endian. */
export interface PickledArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** What {@link pickleObjectArray} writes: dictionaries with texts or whole numbers as keys. */
export type PickledDict = ReadonlyMap<string | number, PickledArray>;

/**
 * Pickles a dictionary as the only element of a numpy array of objects, which is what `numpy.save(file, some_dict)` stores. The
 * pickle (protocol 3) names nothing but numpy's own functions, by the names that numpy 1 and numpy 2 both have.
 *
 * @throws RangeError for keys that are not texts or numbers from 0 to 2^31 - 1
 */
export function pickleObjectArray(dict: PickledDict): Uint8Array {
  const writer = new PickleWriter();
  writer.array([], 'O8', () => {
    writer.op(']');
    writer.dict(dict);
    writer.op('a');
  });
  return writer.end();
}

/** Writes the few opcodes that numpy arrays need. */
class PickleWriter {
  private readonly pieces: Uint8Array[] = [Buffer.from([0x80, 3])];

  /** Opcodes without an argument. */
  op(codes: string): void {
    this.pieces.push(Buffer.from(codes, 'latin1'));
  }

  dict(dict: PickledDict): void {
    this.op('}(');
    for (const [key, { shape, data }] of dict) {
      if (typeof key === 'string') this.text(key);
      else this.integer(key);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      this.array(shape, data instanceof Float32Array ? 'f4' : 'i8', () => { this.bytes(bytes); });
    }
    this.op('u');
  }

  /** numpy's `_reconstruct(ndarray, (0,), b'b')`, and the state (1, shape, dtype, whether in Fortran order, elements). */
  array(shape: readonly number[], type: string, elements: () => void): void {
    this.global('numpy.core.multiarray', '_reconstruct');
    this.global('numpy', 'ndarray');
    this.op('K\x00\x85C\x01b\x87R(K\x01');
    this.op('(');
    for (const size of shape) this.integer(size);
    this.op('t');
    this.dtype(type);
    this.op('\x89');
    elements();
    this.op('tb');
  }

  end(): Uint8Array {
    this.op('.');
    return Buffer.concat(this.pieces);
  }

  /** numpy's `dtype(type, False, True)`, and the state (3, byte order, None, None, None, -1, -1, flags). */
  private dtype(type: string): void {
    const isObject = type.startsWith('O');
    this.global('numpy', 'dtype');
    this.text(type);
    this.op('\x89\x88\x87R(K\x03');
    this.text(isObject ? '|' : '<');
    this.op('NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff');
    // Objects are counted references; 63 is what numpy writes for them.
    this.integer(isObject ? 63 : 0);
    this.op('tb');
  }

  private global(module: string, name: string): void {
    this.op(`c${module}\n${name}\n`);
  }

  private integer(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** 31) throw new RangeError(`${value} is not a whole number from 0 to 2^31 - 1`);
    this.sized('J', value, new Uint8Array());
  }

  private text(text: string): void {
    const bytes = Buffer.from(text);
    this.sized('X', bytes.length, bytes);
  }

  private bytes(bytes: Uint8Array): void {
    this.sized('B', bytes.length, bytes);
  }

  /** An opcode with a number of 4 bytes, little-endian, and what follows it. */
  private sized(code: string, value: number, rest: Uint8Array): void {
    const head = Buffer.alloc(5);
    head.write(code, 'latin1');
    head.writeUInt32LE(value, 1);
    this.pieces.push(head, rest);
  }
}
