import { describe, expect, it } from 'vitest';
import { foldConstants } from '../../../src/onnx/rewrite/fold.js';
import { numberToFloat16, storeHalf } from '../../../src/onnx/rewrite/half.js';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { float16ToNumber, OnnxTensor } from '../../../src/onnx/tensor.js';

describe('numberToFloat16', () => {
  it('gives every half-precision value back', () => {
    for (let bits = 0; bits < 2 ** 16; bits++) {
      const value = float16ToNumber(bits);
      // Of the many kinds of NaN one is enough.
      if (Number.isNaN(value)) expect(float16ToNumber(numberToFloat16(value))).toBeNaN();
      else if (numberToFloat16(value) !== bits) expect.unreachable(`${value} became ${numberToFloat16(value)}, not ${bits}`);
    }
  });

  it('rounds to the nearest, ties to even', () => {
    const cases = [
      [1 / 3, 0x3555], [0.1, 0x2e66], [1 + 2 ** -11, 0x3c00], [1 + 3 * 2 ** -11, 0x3c02], [1 + 2 ** -11 + 2 ** -20, 0x3c01], [2047.9, 0x6800],
      [65504, 0x7bff], [65519, 0x7bff], [65520, 0x7c00], [-1e9, 0xfc00],
      [2 ** -14 - 2 ** -26, 0x0400], [2 ** -25, 0], [1.5 * 2 ** -25, 1], [1.5 * 2 ** -24, 2], [2 ** -30, 0], [-(2 ** -40), 0x8000],
    ];
    expect(cases.map(([value]) => numberToFloat16(value).toString(16))).toEqual(cases.map(([, bits]) => bits.toString(16)));
  });
});

describe('storeHalf', () => {
  const modelWith = (value: number): OnnxModel => ({
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: {
      name: 'g', nodes: [{ name: 'sum', op: 'Sum', domain: '', inputs: ['w', 'b', 'x'], outputs: ['y'], attributes: {} }],
      initializers: new Map([['w', OnnxTensor.float32([2, 1000], new Float32Array(2000).fill(value))], ['b', OnnxTensor.float32([1], [0.1])]]),
      inputs: [], outputs: [],
    },
  });

  it('stores large weights in two bytes a number, from which folding makes them weights again', () => {
    const { graph } = storeHalf(modelWith(1 / 3));
    expect([...graph.initializers.values()].map(({ bytes }) => bytes.byteLength)).toEqual([4000, 4]);
    const folded = foldConstants(graph);
    expect(folded.nodes.map(({ op }) => op)).toEqual(['Sum']);
    const weights = folded.initializers.get('w')!;
    expect(weights.dims).toEqual([2, 1000]);
    expect([...new Set(weights.toFloat32())]).toEqual([0x555 / 0x1000]);
    expect(folded.initializers.get('b')!.toNumbers()).toEqual([Math.fround(0.1)]);
  });

  it('refuses weights beyond its range', () => {
    expect(() => storeHalf(modelWith(1e6))).toThrow('\'w\' is beyond the range');
  });
});
