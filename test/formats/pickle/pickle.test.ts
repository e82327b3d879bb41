import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { NdArray, numpyPickles } from '../../../src/formats/pickle/numpy.js';
import { loadPickle as loadDialect } from '../../../src/formats/pickle/pickle.js';
import { PickleError } from '../../../src/formats/pickle/values.js';
import type { PickleValue } from '../../../src/formats/pickle/values.js';

/** Written by Python and numpy: see make_pickles.py. */
const fixtures = JSON.parse(readFileSync(new URL('../../fixtures/voc/pickles.json', import.meta.url), 'utf8')) as {
  value: unknown; values: Record<string, string>; python2Value: unknown; python2Values: Record<string, string>;
  bytes: Record<string, string>; numbers: Record<string, { hex: string; values: number[] }>;
};
const loadPickle = (bytes: Uint8Array): PickleValue => loadDialect(bytes, numpyPickles);
const bytesOf = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** The value as JSON would hold it. */
function plain(value: PickleValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, entry]) => [String(key), plain(entry)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

describe('plain values', () => {
  it.each(Object.entries(fixtures.values))('%s', (_, hex) => {
    expect(plain(loadPickle(bytesOf(hex)))).toEqual(fixtures.value);
  });

  it.each(Object.entries(fixtures.python2Values))('%s', (_, hex) => {
    expect(plain(loadPickle(bytesOf(hex)))).toEqual(fixtures.python2Value);
  });

  it.each(Object.entries(fixtures.bytes))('bytes in protocol %s', (_, hex) => {
    const [empty, some] = loadPickle(bytesOf(hex)) as Uint8Array[];
    expect([...empty]).toEqual([]);
    expect([...some]).toEqual([0x00, 0x80, 0xff, 0x0a]);
  });

  // Written by hand after the description of the opcodes in Python's pickletools.
  it.each<[string, string, unknown]>([
    ['I2007000032\n.', 'an integer as text', 2007000032],
    ['I01\n.', 'True in protocol 0', true],
    ['L123456789012345678901L\n.', 'a long as text', 123456789012345678901n],
    ['\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f.', 'a LONG1 of 9 bytes', (1n << 71n) - 1n],
    ['\x8a\x00.', 'a LONG1 of no bytes', 0],
    ['Finf\n.', 'a float as text', Infinity],
    ['G\x3f\xf8\x00\x00\x00\x00\x00\x00.', 'a float as bytes', 1.5],
    ['S\'a\\x00\\\'\\n\'\n.', 'a string as repr', 'a\x00\'\n'],
    ['V\\u017c\\U0001f600\\u005c\n.', 'text with escapes', 'ż😀\\'],
    ['(K\x01K\x02l.', 'LIST', [1, 2]],
    ['K\x07K\x08(K\x01K\x0210.', 'POP_MARK and POP', 7],
    ['(K\x012t.', 'DUP', [1, 1]],
    ['(lp5\ng5\n\x86.', 'PUT and GET', [[], []]],
  ])('%j: %s', (text, _, value) => {
    expect(plain(loadPickle(ascii(text)))).toEqual(value);
  });
});

describe('numpy arrays', () => {
  it.each(Object.entries(fixtures.numbers))('%s', (_, { hex, values }) => {
    const array = loadPickle(bytesOf(hex));
    expect(array).toBeInstanceOf(NdArray);
    expect((array as NdArray).shape).toEqual([values.length]);
    expect(Array.from((array as NdArray).values, Number)).toEqual(values);
  });
});

describe('refused', () => {
  it.each([
    ['cos\nsystem\n(S\'echo run\'\ntR.', 'os.system'],
    ['\x80\x04\x8c\x08builtins\x8c\x04exec\x93.', 'builtins.exec'],
    ['\x80\x02c__builtin__\neval\n.', '__builtin__.eval'],
    ['ccopy_reg\n_reconstructor\n.', 'copy_reg._reconstructor'],
    ['cnumpy\nload\n.', 'numpy.load'],
    ['cnumpy\n__class__\n.', 'numpy.__class__'],
    ['cconstructor\nname\n.', 'constructor.name'],
  ])('%j refers to %s', (text, name) => {
    expect(() => loadPickle(ascii(text))).toThrow(PickleError);
    expect(() => loadPickle(ascii(text))).toThrow(`it refers to ${name}, which is refused`);
  });

  it.each([
    ['(S\'x\'\nios\nsystem\n.', 'INST'], ['Pname\n.', 'PERSID'], ['K\x01Q.', 'BINPERSID'], ['\x82\x01.', 'EXT1'], ['(o.', 'OBJ'],
    ['cnumpy\nndarray\n)\x81.', 'NEWOBJ'], ['\x97.', 'NEXT_BUFFER'], ['\x8f.', 'EMPTY_SET'],
  ])('%j: the opcode %s', (text) => {
    expect(() => loadPickle(ascii(text))).toThrow(/more than plain values and numpy arrays, or is corrupt \(opcode 0x[0-9a-f]{2}\)/);
  });

  it.each([
    ['.', 'an empty stack'], ['t.', 'no mark'], ['K\x01K\x02a.', 'an append to a number'], ['g3\n.', 'an unknown memo'],
    ['}K\x01s.', 'too few values'], ['(K\x01d.', 'a key without value'], ['K\x01K\x02R.', 'a call of a number'], ['K\x01)b.', 'a state for a number'],
    ['Iabc\n.', 'an integer of letters'], ['Sabc\n.', 'a string without quotes'], ['c_codecs\nencode\n(Va\nVutf8\ntR.', 'another encoding'],
    ['cnumpy\nndarray\n)R.', 'a call of ndarray'],
  ])('%j: %s', (text) => {
    expect(() => loadPickle(ascii(text))).toThrow(new PickleError('it is corrupt'));
  });

  it('a newer protocol', () => {
    expect(() => loadPickle(ascii('\x80\x06N.'))).toThrow('protocol 6 is not supported');
  });

  it.each(['protocol 0', 'protocol 2', 'protocol 4', 'protocol 5'])('%s cut at any byte', (name) => {
    const whole = bytesOf(fixtures.values[name]);
    for (let length = 0; length < whole.length; length++) {
      expect(() => loadPickle(whole.subarray(0, length))).toThrow(PickleError);
    }
  });
});

// Small files that would take much time or memory.
describe('bombs', () => {
  const int32 = (value: number): string => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return bytes.toString('latin1');
  };

  it.each([
    ['an integer of 500,000 bytes', `\x8b${int32(500_000)}${'\x7f'.repeat(500_000)}.`, 'it contains an integer of 500000 bytes'],
    ['an integer of 500,000 digits', `I${'9'.repeat(500_000)}\n.`, 'it contains an integer of 500000 digits'],
    ['a long integer of 500,000 digits', `L${'9'.repeat(500_000)}L\n.`, 'it contains an integer of 500000 digits'],
    ['a long name', `c${'a'.repeat(1_000_000)}\nb\n.`, /^.{0,200}$/],
    ['a name that clears the terminal', 'c\x1b[2J\nb\n.', 'it refers to \\u001b[2J.b'],
    ['a deep list as the type of an array', `cnumpy\ndtype\n${']'.repeat(100_000)}${'a'.repeat(99_999)}\x85R.`, 'a numpy array of the type a list of 1'],
    ['an array of more than there is', `cnumpy.core.numeric\n_frombuffer\n(C\x04abcdcnumpy\ndtype\nX\x02\0\0\0f4\x85RJ${int32(2 ** 30)}J${int32(2 ** 30)}\x86X\x01\0\0\0CtR.`, 'corrupt'],
    ['texts without length', `cnumpy.core.numeric\n_frombuffer\n(C\0cnumpy\ndtype\nX\x02\0\0\0U0\x85RJ${int32(2 ** 30)}\x85X\x01\0\0\0CtR.`, 'corrupt'],
    ['an array of many axes', `cnumpy.core.numeric\n_frombuffer\n(C\x01acnumpy\ndtype\nX\x02\0\0\0u1\x85R(${'K\x01'.repeat(65)}tX\x01\0\0\0CtR.`, 'corrupt'],
  ])('%s', (_, text, message) => {
    const start = performance.now();
    expect(() => loadPickle(ascii(text))).toThrow(PickleError);
    expect(() => loadPickle(ascii(text))).toThrow(message);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  // Each byte or two makes a value, or copies a long one.
  it.each([
    ['lists', ']'.repeat(100_000)], ['dictionaries', '}'.repeat(100_000)], ['marks', '('.repeat(100_000)], ['memos', `N${'\x94'.repeat(100_000)}`],
    ['values that are dropped', 'N0'.repeat(100_000)], ['nested tuples', `N${'\x85'.repeat(100_000)}`],
    ['copies of bytes', `c_codecs\nencode\nq\x01X${int32(10_000)}${'x'.repeat(10_000)}X\x06\0\0\0latin1\x86q\x02${'h\x01h\x02R'.repeat(1000)}`],
    ['arrays of the same bytes', `cnumpy.core.numeric\n_frombuffer\nq\x01(B${int32(10_000)}${'x'.repeat(10_000)}cnumpy\ndtype\nX\x02\0\0\0u1\x85RM\x10\x27\x85X\x01\0\0\0Ctq\x02${'h\x01h\x02R'.repeat(1000)}`],
  ])('%s', (_, text) => {
    vi.stubEnv('VOC_SEEDS_MAX_ARRAY_BYTES', '1000000');
    try {
      loadPickle(ascii(text));
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ name: 'PickleError', message: 'its pickle unpacks to more than the limit of 1000000 bytes', hint: expect.stringContaining('VOC_SEEDS_MAX_ARRAY_BYTES') as string });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('a deep list is a value like others', () => {
    expect(loadPickle(ascii(`${']'.repeat(100_000)}${'a'.repeat(99_999)}.`))).toHaveLength(1);
  });
});
