import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../../src/classifier/classifier.js';
import { openCam, prepareCam } from '../../../src/cam/plan.js';
import { UserError } from '../../../src/errors.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { foldConstants } from '../../../src/onnx/rewrite/fold.js';
import { readModel } from '../../../src/onnx/file/read.js';
import { DataType, OnnxTensor } from '../../../src/onnx/tensor.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import { camRequests, relativeError, repository } from '../../helpers.js';
import { noise } from '../../random.js';

const read = (name: string) => readModel(resolve(repository, 'test/fixtures/quantised', `${name}.onnx`));

describe('quantised weights are weights', () => {
  it('in int8 by channel, uint8 and int4 by block: maps are those of the same weights in floats', async () => {
    const size = [65, 90] as const;
    const image = noise(3 * 65 * 90, 1, 2);
    const [quantised, plain] = await Promise.all(['weights', 'weights-float'].map(async (name) => {
      const classifier = new ClassifierGraph(await read(name), 'logits');
      const cam = await openCam(prepareCam(classifier, camRequests(classifier.resolveLayers(['/4', '/8']))), ortRuntime, { threads: 1 });
      const result = await cam.run(image, size, [0, 3]);
      await cam.release();
      return result;
    }));
    expect(relativeError(quantised.logits, plain.logits)).toBeLessThan(1e-6);
    quantised.maps.forEach(({ data }, l) => {
      expect(Math.max(...data)).toBeGreaterThan(0);
      expect(relativeError(data, plain.maps[l].data)).toBeLessThan(1e-6);
    });
  });

  // [3, 4] elements.
  const levels = (type: number) => new OnnxTensor([3, 4], type, Uint8Array.from({ length: 12 }, (_, i) => (i * 67) % 256));
  const one = (type: number, value: number, dims: readonly number[] = []) => new OnnxTensor(dims, type, Uint8Array.of(value));
  const forms: Record<string, (b: GraphBuilder) => string> = {
    'int8, one scale': (b) => b.node('DequantizeLinear', [b.constant(levels(DataType.int8)), b.floats(0.25)]),
    'uint8 with a zero point': (b) => b.node('DequantizeLinear', [b.constant(levels(DataType.uint8)), b.floats(0.3), b.constant(one(DataType.uint8, 128))]),
    'a scale and a zero point per row': (b) => {
      const zeros = new OnnxTensor([3], DataType.int8, Uint8Array.of(250, 0, 100));
      return b.node('DequantizeLinear', [b.constant(levels(DataType.int8)), b.floats([0.1, 2, 0.03]), b.constant(zeros)], { axis: 0 });
    },
    'a scale per column, the axis counted from the last': (b) => b.node('DequantizeLinear', [b.constant(levels(DataType.int8)), b.floats([1, 2, 3, 4])], { axis: -1 }),
    'a scale per block': (b) => b.node('DequantizeLinear', [b.constant(levels(DataType.uint8)), b.floats([1, 2, 3, 4, 5, 6], [3, 2])], { axis: 1, block_size: 2 }),
    'int4, an odd number of them': (b) => {
      const packed = new OnnxTensor([3, 3], DataType.int4, Uint8Array.of(0x81, 0x7f, 0x30, 0xc5, 0x0a));
      return b.node('DequantizeLinear', [b.constant(packed), b.floats(0.5)]);
    },
    'uint4': (b) => b.node('DequantizeLinear', [b.constant(new OnnxTensor([2, 2], DataType.uint4, Uint8Array.of(0x81, 0x7f))), b.floats(2)]),
    'floats that were rounded on the way, halves to even': (b) => {
      const floats = b.floats([-40, -0.75, -0.25, 0.25, 0.75, 1.25, 3.3, 99], [2, 4]);
      const zero = b.constant(one(DataType.int8, 3));
      return b.node('DequantizeLinear', [b.node('QuantizeLinear', [floats, b.floats(0.5), zero]), b.floats(0.5), zero]);
    },
    'weights that are transposed and reshaped afterwards': (b) => (
      b.transpose(b.reshape(b.node('DequantizeLinear', [b.constant(levels(DataType.int8)), b.floats(1)]), [2, 3, 2]), [2, 0, 1])
    ),
  };
  for (const [name, build] of Object.entries(forms)) {
    it(`${name}: folded to what ONNX Runtime makes of it`, async () => {
      const b = new GraphBuilder();
      const y = b.alias(b.node('Add', [build(b), b.reserve('x')]), 'y');
      const graph = {
        name: 'g', nodes: b.nodes, initializers: b.initializers, inputs: [{ name: 'x', type: DataType.float32, shape: [1] }],
        outputs: [{ name: y, type: DataType.float32, shape: undefined }],
      };
      const model = { irVersion: 10, opset: 21, otherOpsets: new Map<string, number>(), producer: '', metadata: new Map<string, string>(), graph };
      const session = await ortRuntime.load(serializeModel(model), { threads: 1 });
      const { y: expected } = await session.run({ x: { type: 'float32', dims: [1], data: Float32Array.of(0) } });
      await session.release();
      const folded = foldConstants(graph);
      const [add] = folded.nodes;
      expect(folded.nodes.map(({ op }) => op)).toEqual(['Add', 'Identity']);
      const tensor = folded.initializers.get(add.inputs[0])!;
      expect(tensor.dims).toEqual(expected.dims);
      expect(Array.from(tensor.toFloat32())).toEqual(Array.from(expected.data as Float32Array));
    });
  }
});

describe('models that round features are refused by name', () => {
  for (const [name, operator] of [['dynamic', /DynamicQuantizeLinear|ConvInteger/], ['static-qdq', /QuantizeLinear/], ['static-operators', /QuantizeLinear/]] as const) {
    it(name, async () => {
      const model = await read(name);
      let error: unknown;
      try {
        new ClassifierGraph(model, 'logits');
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).message).toMatch(/^the model is quantised/);
      expect((error as UserError).message).toMatch(operator);
      expect((error as UserError).hint).toContain('float model');
    });
  }
});
