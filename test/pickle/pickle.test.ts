import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NdArray, numpyPickles } from '../../src/pickle/numpy.js';
import { loadPickle as loadDialect } from '../../src/pickle/pickle.js';
import { PickleError } from '../../src/pickle/values.js';
import type { PickleValue } from '../../src/pickle/values.js';

/** Written by Python and numpy: see make_pickles.py. */
const fixtures = JSON.parse(readFileSync(new URL('../fixtures/voc/pickles.json', import.meta.url), 'utf8')) as {
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
    expect(() => loadPickle(ascii('\x80\x06N.'))).toThrow('protocol 6 is not known');
  });

  it.each(['protocol 0', 'protocol 2', 'protocol 4', 'protocol 5'])('%s cut at any byte', (name) => {
    const whole = bytesOf(fixtures.values[name]);
    for (let length = 0; length < whole.length; length++) {
      expect(() => loadPickle(whole.subarray(0, length))).toThrow(PickleError);
    }
  });
});
