import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { inferShapes } from '../../../src/onnx/shapes/infer.js';
import { DataType, OnnxTensor } from '../../../src/onnx/tensor.js';
import { BLOCKED_DOMAIN } from '../../../src/runtime/blocked/blocked-graph.js';
import { blockedLayout } from '../../../src/runtime/blocked/blocked-layout.js';
import { channelBlock } from '../../../src/runtime/blocked/channel-block.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import type { RuntimeTensor } from '../../../src/runtime/runtime.js';
import { relativeError } from '../../helpers.js';
import { noise } from '../../random.js';

const block = await channelBlock(ortRuntime);

type Part = (b: GraphBuilder, x: string, channels: number) => string;

/** Image [N, 3, H, W] -> a convolution with `channels` outputs -> a part -> `result`, a float tensor. */
function model(channels: number, part: Part): OnnxModel {
  const input = { name: 'image', type: DataType.float32, shape: ['N', 3, 'H', 'W'] };
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs: [input] });
  const x = b.conv('image', weights(b, channels, 3, 3, 3), { pads: [1, 1, 1, 1] });
  b.alias(part(b, x, channels), 'result');
  return {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: {
      name: 'parts', nodes: b.nodes, initializers: b.initializers, inputs: [input],
      outputs: [{ name: 'result', type: DataType.float32, shape: undefined }],
    },
  };
}

/** [M, C / group, kH, kW] */
function weights(b: GraphBuilder, ...dims: number[]): string {
  return b.constant(OnnxTensor.float32(dims, noise(dims.reduce((a, c) => a * c), dims[0] + dims[2])));
}

const perChannel = (b: GraphBuilder, channels: number, seed: number): string => (
  b.floats(noise(channels, seed).map((value) => value + 1.5), [channels]));

/** What can be computed in blocks, from a feature map. */
const parts: Readonly<Record<string, Part>> = {
  'a sum fused into a convolution, and Clip': (b, x, c) => (
    b.node('Clip', [b.add(x, b.conv(x, weights(b, c, c, 3, 3), { pads: [1, 1, 1, 1] })), b.floats(-0.25), b.floats(2)])),
  'a sum of a convolution and an earlier one that is also read elsewhere': (b, x, c) => {
    const deep = b.conv(b.relu(x), weights(b, c, c, 1, 1));
    return b.mul(b.sum([x, deep]), deep);
  },
  'a depthwise convolution with a stride, and its size': (b, x, c) => {
    const y = b.conv(x, weights(b, c, 1, 3, 3), { strides: [2, 2], pads: [1, 1, 1, 1], group: c });
    return b.mul(b.relu(y), b.cast(b.squeeze(b.shape(y, 3, 4), [0]), DataType.float32));
  },
  'batch normalisation and Relu': (b, x, c) => {
    const statistics = [1, 2, 3, 4].map((seed) => perChannel(b, c, seed));
    return b.relu(b.node('BatchNormalization', [x, ...statistics], { epsilon: { float: 1e-3 } }));
  },
  'a factor per channel': (b, x, c) => b.mul(b.floats(noise(c, 5), [1, c, 1, 1]), x),
  'a gate from means': (b, x, c) => b.mul(x, b.sigmoid(b.conv(b.node('GlobalAveragePool', [x]), weights(b, c, c, 1, 1)))),
  'a plane': (b, x) => b.mul(x, b.reduceSum(x, [1])),
  'masks': (b, x) => b.mul(x, b.cast(b.and(b.less(x, b.floats(0.5)), b.cast(b.relu(x), DataType.bool)), DataType.float32)),
  'truth values that the plain layout needs': (b, x) => b.cast(b.transpose(b.less(x, b.floats(0)), [0, 2, 3, 1]), DataType.float32),
  'whole numbers': (b, x) => b.cast(b.reduceSum(b.cast(b.mul(x, b.floats(10)), DataType.int64), [1]), DataType.float32),
  'MaxPool, AveragePool': (b, x) => b.averagePool(
    b.node('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }), { kernel_shape: [2, 2], pads: [1, 0, 0, 1], count_include_pad: 1 }),
  'AveragePool with a last window beyond the edge': (b, x) => b.node('AveragePool', [x], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  'sums over channels': (b, x) => b.reduceSum(b.relu(x), [1]),
  'sums and means over positions': (b, x) => b.add(b.reduceSum(x, [2, 3]), b.reduceMean(x, [2, 3])),
  'means without axes': (b, x) => b.reduceMean(x, [2, 3], false),
  'joined and cut channels': (b, x, c) => {
    const joined = b.concat([x, b.relu(x), b.conv(x, weights(b, 2 * c, c, 1, 1))], 1);
    return b.slice(joined, b.ints([c]), b.ints([3 * c]), [1]);
  },
  'channels cut within a block': (b, x) => b.slice(x, b.ints([1]), b.ints([6]), [1]),
  'cut rows and columns': (b, x) => b.slice(x, b.ints([1, -4]), b.sub(b.shape(x, 2, 4), b.ints([1, 1])), [2, 3]),
  'repeated elements': (b, x) => b.node('Resize', [b.relu(x), '', b.floats([1, 1, 2, 3])], {
    mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor',
  }),
  'means spread over positions': (b, x) => b.mul(x, b.expand(b.node('GlobalAveragePool', [x]), b.shape(x))),
  'quotients and roots': (b, x) => b.div(b.sqrt(b.relu(x)), x),
};

describe.skipIf(block === undefined)('a graph in blocks gives what it gives in the plain layout', () => {
  const run = async (graph: OnnxModel, image: RuntimeTensor): Promise<RuntimeTensor> => {
    await using session = await ortRuntime.load(serializeModel(graph), { threads: 1 });
    return (await session.run({ image })).result;
  };

  for (const [name, part] of Object.entries(parts)) {
    it(name, async () => {
      // Whole blocks of 8 and 16, whole fours, and neither.
      for (const channels of [32, 24, 12, 10]) {
        const plain = model(channels, part);
        const known = [[1, 3, 8, 9], [1, 3, 13, 14], [1, 3, 19, 11]].map((dims) => inferShapes(plain.graph, new Map([['image', dims]])));
        const blocked = blockedLayout(plain, block!, known);
        expect(blocked.graph.nodes[0].domain).toBe(BLOCKED_DOMAIN);
        for (const [h, w] of [[8, 9], [7, 7], [6, 15]]) {
          const image: RuntimeTensor = { type: 'float32', dims: [1, 3, h, w], data: noise(3 * h * w, h) };
          const [expected, found] = [await run(plain, image), await run(blocked, image)];
          expect(found.dims).toEqual(expected.dims);
          const [numbers, own] = [expected, found].map(({ data }) => Float64Array.from(data as Float32Array));
          const defined = numbers.map((value) => (Number.isNaN(value) ? -7 : value));
          expect(relativeError(own.map((value) => (Number.isNaN(value) ? -7 : value)), defined), `${channels} channels, ${h}x${w}`).toBeLessThan(1e-5);
        }
      }
    });
  }
});

describe('the layout', () => {
  it('fuses a sum and the activation after it into the convolution', () => {
    const plain = model(16, parts['a sum fused into a convolution, and Clip']);
    const known = [[1, 3, 8, 9], [1, 3, 13, 14]].map((dims) => inferShapes(plain.graph, new Map([['image', dims]])));
    const { nodes } = blockedLayout(plain, 8, known).graph;
    expect(nodes.map(({ op }) => op)).toEqual(['Conv', 'Conv', 'ReorderOutput']);
    expect(nodes[1].inputs).toHaveLength(4);
    expect(nodes[1].attributes.activation_params).toEqual({ kind: 'floats', value: [-0.25, 2] });
  });

  it('takes no size from examples that is computed from the image', () => {
    // The width of all examples is 3 n + 1, so the padding is the same for all, but not for every image.
    const plain = model(16, (b, x) => b.mul(x, b.cast(b.squeeze(b.mod(b.shape(x, 3, 4), b.ints([3])), [0]), DataType.float32)));
    const known = [[1, 3, 8, 10], [1, 3, 13, 13]].map((dims) => inferShapes(plain.graph, new Map([['image', dims]])));
    expect(blockedLayout(plain, 8, known).graph.nodes.map(({ op }) => op)).toContain('Mod');
  });
});
