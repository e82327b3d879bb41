import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { parseModel, readModel } from '../../src/onnx/file/read.js';
import { bytesPerElement, DataType, dataTypeName, OnnxTensor, sizeOf } from '../../src/onnx/tensor.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { repository } from '../helpers.js';

const folder = resolve(repository, 'test/fixtures/onnx');
const expected = (JSON.parse(readFileSync(resolve(folder, 'expected.json'), 'utf8')) as {
  storage: Record<string, { type: number; bytes: string; values: string[] }>;
}).storage;

describe('weights of every element type, in raw_data and in the typed fields', async () => {
  const model = await readModel(resolve(folder, 'storage.onnx'));
  const again = parseModel(serializeModel(model));

  for (const [name, { type, bytes, values }] of Object.entries(expected)) {
    for (const storage of ['raw', 'typed']) {
      it(`${name}, ${storage}`, () => {
        for (const { graph } of [model, again]) {
          const tensor = graph.initializers.get(`${storage}/${name}`)!;
          expect([tensor.type, tensor.dims]).toEqual([type, [2, 3]]);
          expect(Buffer.from(tensor.bytes).toString('hex')).toBe(bytes);
          expect(tensor.toNumbers()).toEqual(values.map((value) => (value === 'inf' ? Infinity : Number(value))));
        }
      });
    }
  }

  it('floats come as 32-bit floats whatever they are stored as', () => {
    for (const name of ['FLOAT', 'DOUBLE', 'FLOAT16', 'BFLOAT16']) {
      const floats = model.graph.initializers.get(`raw/${name}`)!.toFloat32();
      expect([...floats]).toEqual(expected[name].values.map((value) => Math.fround(value === 'inf' ? Infinity : Number(value))));
    }
  });

  it('a scalar has no dimensions, and an empty tensor no elements', () => {
    const [scalar, empty] = ['scalar', 'empty'].map((name) => again.graph.initializers.get(name)!);
    expect([scalar.dims, scalar.toNumbers()]).toEqual([[], [2.5]]);
    expect([empty.dims, empty.size, empty.toNumbers()]).toEqual([[0, 3], 0, []]);
  });
});

describe('OnnxTensor', () => {
  it('reads floats at any offset of a file', () => {
    const bytes = new Uint8Array(9);
    new DataView(bytes.buffer).setFloat32(1, 1.5, true);
    new DataView(bytes.buffer).setFloat32(5, -2, true);
    expect([...new OnnxTensor([2], DataType.float32, bytes.subarray(1)).toFloat32()]).toEqual([1.5, -2]);
  });

  it('copies nothing where the bytes are aligned', () => {
    const values = Float32Array.of(1, 2, 3);
    expect(OnnxTensor.float32([3], values).toFloat32().buffer).toBe(values.buffer);
  });

  it('saturates integers that a number cannot hold', () => {
    const bytes = new Uint8Array(BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n)).buffer);
    expect(new OnnxTensor([2], DataType.int64, bytes).toNumbers()).toEqual([Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER]);
  });

  it('refuses a wrong number of values', () => {
    expect(() => OnnxTensor.float32([2, 2], [1, 2, 3])).toThrow('3 values for a tensor of shape [2, 2]');
    expect(() => OnnxTensor.int64([1], [1, 2])).toThrow('2 values');
  });

  it('has no numbers for strings', () => {
    const tensor = new OnnxTensor([1], DataType.string, new Uint8Array(0));
    expect(() => tensor.toNumbers()).toThrow(UserError);
    expect(bytesPerElement(DataType.string)).toBeUndefined();
  });

  it('knows the names and sizes of the types', () => {
    expect([dataTypeName(1), dataTypeName(10), dataTypeName(99)]).toEqual(['float32', 'float16', 'type 99']);
    expect([bytesPerElement(DataType.float64), bytesPerElement(DataType.bool)]).toEqual([8, 1]);
    expect([sizeOf([]), sizeOf([2, 3, 4]), sizeOf([5, 0])]).toEqual([1, 24, 0]);
  });

  it('float16 covers subnormals, infinity and NaN', () => {
    const half = (bits: number) => new OnnxTensor([1], DataType.float16, Uint8Array.of(bits & 255, bits >> 8)).toNumbers()[0];
    expect([half(0x0001), half(0x03ff), half(0x0400)]).toEqual([2 ** -24, 1023 * 2 ** -24, 2 ** -14]);
    expect([half(0x7c00), half(0xfc00)]).toEqual([Infinity, -Infinity]);
    expect(half(0x7e00)).toBeNaN();
  });
});
