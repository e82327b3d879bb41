import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../../src/classifier/classifier.js';
import { openCam, prepareCam } from '../../../src/cam/plan.js';
import { UserError } from '../../../src/errors.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { dilate, dilation } from '../../../src/classifier/dilate/dilate.js';
import { dilatedAxis } from '../../../src/classifier/dilate/dilate-window.js';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { NetworkGraph } from '../../../src/classifier/network.js';
import { parseModel, readModel } from '../../../src/onnx/file/read.js';
import { DataType, OnnxTensor, sizeOf } from '../../../src/onnx/tensor.js';
import { windowAxes } from '../../../src/onnx/shapes/window.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import type { RuntimeTensor } from '../../../src/runtime/runtime.js';
import { loadCase } from '../../fixtures/load.js';
import { camRequests, hasShared, relativeError, shared } from '../../helpers.js';
import { noise } from '../../random.js';

type Image = readonly [height: number, width: number];

/** Tensors of a model for an image of noise. */
async function compute(model: OnnxModel, names: readonly string[], [height, width]: Image, seed = 5): Promise<Record<string, RuntimeTensor>> {
  const outputs = names.map((name) => ({ name, type: DataType.float32, shape: undefined }));
  const session = await ortRuntime.load(serializeModel({ ...model, graph: { ...model.graph, outputs } }), { threads: 1 });
  const [{ name, shape }] = model.graph.inputs;
  const channels = shape![1] as number;
  const result = await session.run({ [name]: { type: 'float32', dims: [1, channels, height, width], data: noise(channels * height * width, seed) } });
  await session.release();
  return result;
}

const deepest = (network: NetworkGraph): number => Math.max(...network.layers.map(({ stride }) => stride));

describe('networks with their strides replaced by dilation are PyTorch\'s', () => {
  interface Stored { shape: number[]; values: string }
  interface Fixture { stride: number; runs: { outputStride: number; image: Image; seed: number; features: Stored; logits: Stored }[] }
  const floats = ({ shape, values }: Stored): Float32Array => {
    const bytes = Buffer.from(values, 'base64');
    return Float32Array.from({ length: sizeOf(shape) }, (_, i) => bytes.readFloatLE(4 * i));
  };
  const file = (name: string): string => fileURLToPath(new URL(`../../fixtures/dilate/${name}`, import.meta.url));

  for (const name of ['vgg', 'resnet', 'googlenet', 'densenet', 'padded', 'mobilenet']) {
    const { stride, runs } = JSON.parse(readFileSync(file(`${name}.json`), 'utf8')) as Fixture;
    const network = new ClassifierGraph(parseModel(readFileSync(file(`${name}.onnx`))), 'logits');
    for (const { outputStride, image, seed, features, logits } of runs) {
      it(`${name}: stride ${stride} -> ${outputStride}`, async () => {
        expect(deepest(network)).toBe(stride);
        const model = dilate(network, outputStride);
        const result = await compute(model, ['features', 'logits'], image, seed);
        expect(result.features.dims).toEqual(features.shape);
        expect(relativeError(result.features.data as Float32Array, floats(features))).toBeLessThan(1e-5);
        expect(relativeError(result.logits.data as Float32Array, floats(logits))).toBeLessThan(1e-5);

        const dilated = new ClassifierGraph(model, 'logits');
        expect(deepest(dilated)).toBe(outputStride);
        // What was the deepest layer is the one that the new stride names.
        const [layer] = dilated.resolveLayers([`/${outputStride}`]);
        const [before] = network.resolveLayers([`/${stride}`]);
        expect(layer.name).toBe(before.name);
        // A CAM can be taken of it: its operators have gradients.
        const program = await openCam(prepareCam(dilated, camRequests([layer])), ortRuntime, { threads: 1 });
        const cam = await program.run(noise(3 * image[0] * image[1], seed), image, [1, 3]);
        await program.release();
        expect([cam.maps[0].height, cam.maps[0].width]).toEqual(features.shape.slice(2));
        expect(relativeError(cam.logits, floats(logits))).toBeLessThan(1e-5);
      });
    }
  }
});

/** Every `factor`th position of a map from an offset on, in the size of an old map. */
function pick(now: RuntimeTensor, [, channels, rows, columns]: readonly number[], factor: number, [top, left]: Image): Float32Array {
  const [, , newRows, newColumns] = now.dims;
  return Float32Array.from({ length: channels * rows * columns }, (_, i) => {
    const [c, y, x] = [Math.floor(i / rows / columns), Math.floor(i / columns) % rows, i % columns];
    return Number(now.data[(c * newRows + factor * y + top) * newColumns + factor * x + left]);
  });
}

describe('the maps of a dilated network hold those of the strided one', () => {
  /**
   * [network, output stride, image, factor, [top, left] of the old map in the new one]. The offset is 0 where padding
   * is symmetric. SAME with a stride of 2 and a kernel of 3 pads [0, 1] on maps of even size, so that each window
   * is centred on an odd position: 1 there, 0 on maps of odd size; the same for 3x3 pools with ceil_mode.
   */
  const cases: readonly [name: string, outputStride: number, image: Image, factor: number, offset: Image, tensor: string][] = [
    ['resnet-like', 8, [75, 49], 2, [0, 0], 'feat_c'],
    ['resnet-like', 4, [64, 90], 4, [0, 0], 'feat_c'],
    ['mobilenet-v2-like', 4, [53, 40], 2, [0, 0], 'feat_e'],
    // Maps of 5x6 at stride 8.
    ['mobilenet-v1-like', 8, [33, 41], 2, [0, 1], 'feat_c'],
    // Maps of 10x9 at stride 4, of 5x5 at stride 8: 1 for the even 10; at stride 8 both are odd.
    ['mobilenet-v1-like', 4, [40, 33], 4, [1, 0], 'feat_c'],
    ['googlenet-like', 8, [70, 45], 2, [1, 1], 'feat_c'],
    // 1 for the first pool; 1, at twice the distance, for the second.
    ['googlenet-like', 4, [40, 51], 4, [3, 3], 'feat_c'],
    ['squeezenet-like', 4, [43, 50], 2, [1, 1], 'feat_c'],
  ];
  for (const [name, outputStride, image, factor, [top, left], tensor] of cases) {
    it(`${name} at ${outputStride}, every ${factor}th position from ${top}, ${left}`, async () => {
      const network = new NetworkGraph(parseModel(readFileSync(loadCase(name).modelPath)), 'logits');
      const old = (await compute(network.model, [tensor], image))[tensor];
      const now = (await compute(dilate(network, outputStride), [tensor], image))[tensor];
      // The whole old map, and no row or column of the new one left that would belong to it.
      expect([Math.ceil((now.dims[2] - top) / factor), Math.ceil((now.dims[3] - left) / factor)]).toEqual(old.dims.slice(2));
      expect(relativeError(pick(now, old.dims, factor, [top, left]), old.data as Float32Array)).toBeLessThan(1e-6);
    });
  }
});

interface BuildOptions {
  strides?: readonly number[];
  /** Of the image; free unless given. */
  size?: number;
  attributes?: Record<string, readonly number[]>;
}

/** A network of one 3x3 convolution per entry of `strides`, and whatever `rest` adds to it. */
function build(
  rest: (b: GraphBuilder, x: string) => string,
  { strides = [2, 2], size, attributes = { pads: [1, 1, 1, 1] } }: BuildOptions = {},
): NetworkGraph {
  const b = new GraphBuilder();
  let x = b.reserve('image');
  for (const stride of strides) x = conv(b, x, 3, { strides: [stride, stride], ...attributes });
  const nodes = b.alias(rest(b, x), 'out');
  return new NetworkGraph({
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: 'test', metadata: new Map([['key', 'value']]),
    graph: {
      name: 'g', nodes: b.nodes, initializers: b.initializers,
      inputs: [{ name: 'image', type: DataType.float32, shape: ['N', 2, size ?? 'H', size ?? 'W'] }],
      outputs: [{ name: nodes, type: DataType.float32, shape: undefined }],
    },
  }, 'out');
}

function weights(b: GraphBuilder, dims: readonly number[]): string {
  return b.constant(OnnxTensor.float32(dims, noise(sizeOf(dims), b.nodes.length + 1)));
}

/** Two channels to two channels. */
function conv(b: GraphBuilder, x: string, kernel: number, attributes: Record<string, readonly number[] | string>): string {
  return b.node('Conv', [x, weights(b, [2, 2, kernel, kernel])], attributes);
}

const global = (b: GraphBuilder, x: string): string => b.node('Flatten', [b.node('GlobalAveragePool', [x])]);

describe('what a network becomes', () => {
  it('a window that loses its stride keeps its dilation; those behind it are dilated, by both axes on their own', () => {
    const network = build((b, x) => {
      const y = conv(b, conv(b, x, 3, { strides: [2, 1], pads: [1, 1, 1, 1] }), 3, { dilations: [2, 2], pads: [2, 2, 2, 2] });
      return global(b, conv(b, conv(b, conv(b, y, 5, { strides: [2, 2], pads: [2, 2, 2, 2] }), 1, {}), 2, { auto_pad: 'SAME_UPPER' }));
    });
    // Vertical strides 2, 4, 8, 16, horizontal ones 2, 4, 4, 8: asked for 4.
    const { changes, strideBefore, model } = dilation(network, 4);
    expect(strideBefore).toBe(16);
    expect(changes.map(({ strides, dilations, pads }) => [strides.after, dilations.after, pads])).toEqual([
      [[1, 1], [1, 1], [1, 1, 1, 1]],
      [[1, 1], [4, 2], [4, 2, 4, 2]],
      [[1, 1], [2, 1], [4, 2, 4, 2]],
      // A kernel of 2 padded behind, at 4 and at 2 times the distance.
      [[1, 1], [4, 2], [0, 0, 4, 2]],
    ]);
    expect(model.metadata).toEqual(network.model.metadata);
    expect([...model.graph.initializers.keys()]).toEqual([...network.model.graph.initializers.keys()]);
    expect(model.graph.nodes.map(({ outputs }) => outputs)).toEqual(network.model.graph.nodes.map(({ outputs }) => outputs));
  });

  it('a network without padding shrinks by the same share', async () => {
    // 45 -> 22 -> 10 -> 4 -> 3 rows, 47 -> 23 -> 11 -> 5 -> 4 columns.
    const network = build((b, x) => b.node('AveragePool', [conv(b, x, 3, { strides: [2, 2] })], { kernel_shape: [2, 2], count_include_pad: 1 }), { attributes: {} });
    const image: Image = [45, 47];
    const [old, now] = [(await compute(network.model, ['out'], image)).out, (await compute(dilate(network, 4), ['out'], image)).out];
    expect(old.dims).toEqual([1, 2, 3, 4]);
    // From 10x11 the kernel of 3 takes 2, the one of 2, at twice the distance, 2 more.
    expect(now.dims).toEqual([1, 2, 6, 7]);
    expect(relativeError(pick(now, old.dims, 2, [0, 0]), old.data as Float32Array)).toBeLessThan(1e-6);
  });

  it('passes channel shuffles and channels-last blocks', async () => {
    const network = build((b, x) => {
      const y = conv(b, x, 3, { strides: [2, 2], pads: [1, 1, 1, 1] });
      const size = b.shape(y);
      const split = b.concat([b.slice(size, b.ints([0]), b.ints([1]), [0]), b.ints([2, 1]), b.slice(size, b.ints([2]), b.ints([4]), [0])], 0);
      const shuffled = b.reshape(b.transpose(b.reshape(y, split), [0, 2, 1, 3, 4]), size);
      const mixed = b.transpose(b.matmul(b.transpose(shuffled, [0, 2, 3, 1]), weights(b, [2, 2])), [0, 3, 1, 2]);
      return conv(b, mixed, 3, { pads: [1, 1, 1, 1] });
    });
    const image: Image = [30, 33];
    const [old, now] = [(await compute(network.model, ['out'], image)).out, (await compute(dilate(network, 4), ['out'], image)).out];
    expect([old.dims, now.dims]).toEqual([[1, 2, 4, 5], [1, 2, 8, 9]]);
    expect(relativeError(pick(now, old.dims, 2, [0, 0]), old.data as Float32Array)).toBeLessThan(1e-6);
  });

  it('passes squeeze-and-excitation, and a mean over positions in place of global pooling', async () => {
    const network = build((b, x) => {
      const y = conv(b, x, 3, { strides: [2, 2], pads: [1, 1, 1, 1] });
      const excited = b.mul(y, b.sigmoid(conv(b, b.node('GlobalAveragePool', [y]), 1, {})));
      return b.reduceMean(conv(b, excited, 3, { pads: [1, 1, 1, 1] }), [2, 3], false);
    });
    const { model, changes } = dilation(network, 4);
    expect(changes.map(({ strides, dilations }) => [strides.after, dilations.after])).toEqual([[[1, 1], [1, 1]], [[1, 1], [2, 2]]]);
    expect((await compute(model, ['out'], [30, 33])).out.dims).toEqual([1, 2]);
  });

  it('works on a network of one image size, whose maps do not divide it', async () => {
    // 61 -> 30 -> 14 -> 6 without padding; at stride 2 the kernels take 2 and 4 off 30.
    const network = build((b, x) => b.relu(x), { size: 61, strides: [2, 2, 2], attributes: {} });
    const model = dilate(network, 2);
    const [old, now] = [(await compute(network.model, ['out'], [61, 61])).out, (await compute(model, ['out'], [61, 61])).out];
    expect([old.dims, now.dims]).toEqual([[1, 2, 6, 6], [1, 2, 24, 24]]);
    expect(relativeError(pick(now, old.dims, 4, [0, 0]), old.data as Float32Array)).toBeLessThan(1e-6);
  });

  it('gives up what does not lead to the target, and declares the target as its output', () => {
    const network = build((b, x) => b.node('Softmax', [global(b, conv(b, x, 3, { strides: [2, 2] }))]));
    const [logits] = network.model.graph.nodes.filter(({ op }) => op === 'Flatten').map(({ outputs }) => outputs[0]);
    const { graph } = dilate(new NetworkGraph(network.model, logits), 2);
    expect(graph.outputs).toEqual([{ name: logits, type: DataType.float32, shape: [null, 2] }]);
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Conv', 'Conv', 'Conv', 'GlobalAveragePool', 'Flatten']);
  });
});

describe('windows that lose their stride', () => {
  const axis = (kernel: number, stride: number, pads: [number, number] | string, dilation = 1) => {
    const attributes = typeof pads === 'string' ? { auto_pad: pads } : { pads: [pads[0], pads[0], pads[1], pads[1]] };
    const b = new GraphBuilder();
    b.node('MaxPool', ['x'], { kernel_shape: [kernel, kernel], strides: [stride, stride], dilations: [dilation, dilation], ...attributes });
    return windowAxes(b.nodes[0], [kernel, kernel])[0];
  };
  it.each([
    // Kernel, stride, padding; factor, ceil_mode; the padding afterwards.
    ['3x3 of ResNet', axis(3, 2, [1, 1]), 1, false, [1, 1]],
    ['3x3 of ResNet behind another stride', axis(3, 2, [1, 1]), 2, false, [2, 2]],
    ['7x7', axis(7, 2, [3, 3]), 1, false, [3, 3]],
    ['1x1', axis(1, 2, [0, 0]), 4, false, [0, 0]],
    ['TensorFlow\'s SAME written out', axis(3, 2, [0, 1]), 1, false, [1, 1]],
    ['SAME_UPPER', axis(3, 2, 'SAME_UPPER'), 2, false, [2, 2]],
    ['SAME_UPPER, even', axis(2, 2, 'SAME_UPPER'), 2, false, [0, 2]],
    ['SAME_LOWER, even', axis(2, 2, 'SAME_LOWER'), 2, false, [2, 0]],
    ['2x2 of VGG', axis(2, 2, [0, 0]), 1, false, [0, 1]],
    ['2x2 of VGG behind another stride', axis(2, 2, [0, 0]), 2, false, [0, 2]],
    ['6x6', axis(6, 2, [2, 2]), 1, false, [2, 3]],
    ['3x3 of GoogLeNet, rounded up', axis(3, 2, [0, 0]), 1, true, [1, 1]],
    ['3x3 without padding, rounded down', axis(3, 2, [0, 0]), 2, false, [0, 0]],
    ['padded more than to the same size', axis(3, 2, [2, 2]), 1, false, [2, 2]],
    ['dilated before', axis(3, 2, [2, 2], 2), 2, false, [4, 4]],
  ])('%s', (_, window, factor, ceil, pads) => {
    expect(dilatedAxis(window, factor, true, ceil)).toEqual({ stride: 1, dilation: window.kernel === 1 ? 1 : window.dilation * factor, pads });
  });
});

describe('refusals', () => {
  const plain = build(global, { strides: [2, 2, 2] });
  const message = (network: NetworkGraph, outputStride: number): string => {
    try {
      dilate(network, outputStride);
    } catch (error) {
      if (error instanceof UserError) return `${error.message} (${error.hint})`;
      throw error;
    }
    throw new Error('it was not refused');
  };

  it('strides that the network has not, or has already', () => {
    expect(message(plain, 3)).toBe('the network has no feature maps at stride 3 (its strides are 2, 4, 8)');
    expect(message(plain, 16)).toContain('no feature maps at stride 16');
    expect(message(plain, 8)).toContain('the network already has an output stride of 8');
  });

  it('operators that depend on the size of the map, by name', () => {
    const down = (b: GraphBuilder, x: string): string => conv(b, x, 3, { strides: [2, 2], pads: [1, 1, 1, 1] });
    const at = (rest: (b: GraphBuilder, x: string) => string): string => message(build((b, x) => rest(b, down(b, x)), { size: 32 }), 4);
    expect(at((b, x) => b.gemm(b.node('Flatten', [x]), weights(b, [32, 3])))).toMatch(/^Flatten 'Flatten_\d+' does not allow an output stride of 4: its result may depend/);
    expect(at((b, x) => b.reshape(x, [-1, 32]))).toContain('Reshape \'Reshape_');
    expect(at((b, x) => global(b, b.reshape(x, [-1, 1, 2, 4, 4])))).toMatch(/Reshape 'Reshape_\d+'/);
    expect(at((b, x) => b.node('Flatten', [b.averagePool(x, { kernel_shape: [4, 4] })]))).toMatch(/^AveragePool 'AveragePool_\d+' .* covers the whole map/);
    expect(at((b, x) => b.node('Flatten', [b.node('MaxPool', [x], { kernel_shape: [4, 4], strides: [4, 4] })]))).toContain('MaxPool \'MaxPool_');
    expect(at((b, x) => b.node('Flatten', [conv(b, x, 4, {})]))).toContain('covers the whole map');
    expect(at((b, x) => b.reduceSum(x, [2, 3]))).toContain('ReduceSum \'ReduceSum_');
    expect(at((b, x) => global(b, b.node('DepthToSpace', [b.concat([x, x], 1)], { blocksize: 2 })))).toContain('DepthToSpace \'');
    expect(at((b, x) => global(b, b.add(x, weights(b, [1, 2, 4, 4]))))).toMatch(/Add 'Add_\d+'.*cannot be broadcast/);
    expect(at((b, x) => global(b, b.slice(x, b.ints([1]), b.ints([4]), [2])))).toContain('Slice \'');
  });

  it('branches and strides that do not fit', () => {
    const over = build((b, x) => {
      const [four, two] = [conv(b, x, 4, { strides: [4, 4] }), conv(b, x, 3, { strides: [2, 2], pads: [1, 1, 1, 1] })];
      return b.add(global(b, four), global(b, two));
    }, { strides: [2] });
    expect(message(over, 4)).toContain('it changes the stride from 2 to 8 in one step');
    // A map of a single cell, spread over one of four.
    const spread = build((b, x) => {
      const y = conv(b, x, 3, { strides: [2, 2], pads: [1, 1, 1, 1] });
      return global(b, b.add(y, x));
    }, { size: 8, strides: [2, 2] });
    expect(message(spread, 4)).toMatch(/^Add .*its inputs become 2 and 1 times as fine/);
    const sliced = build((b, x) => global(b, b.node('Slice', [x, b.ints([0, 0]), b.ints([999, 999]), b.ints([2, 3]), b.ints([2, 2])])));
    expect(message(sliced, 4)).toContain('its output has a stride of 8, but the node has no stride that could be removed');
  });

  it('padding that two readers would need differently', () => {
    const shared2 = build((b, x) => {
      const padded = b.pad(x, b.ints([0, 0, 0, 0, 0, 0, 1, 1]));
      return b.add(global(b, conv(b, padded, 3, { strides: [2, 2] })), global(b, conv(b, padded, 3, {})));
    });
    expect(message(shared2, 4)).toMatch(/^Conv .* would need other padding from Pad /);
  });
});

describe.skipIf(!hasShared)('real classifiers', () => {
  // GoogLeNet's pools round 161 to 80, 80 to 40 and 40 to 20; those that keep their stride still do.
  const sizes: Record<string, Record<number, Record<number, number>>> = { googlenet: { 16: { 321: 20 }, 8: { 321: 40 } } };
  for (const name of ['mobilenet_v1', 'mobilenet_v2', 'googlenet']) {
    it(`${name} at strides 16 and 8`, async () => {
      const network = new ClassifierGraph(await readModel(resolve(shared, `models/${name}_imagenet.onnx`)), 'logits');
      const [last] = network.resolveLayers(['/32']);
      for (const outputStride of [16, 8]) {
        const model = dilate(network, outputStride);
        const dilated = new ClassifierGraph(model, 'logits');
        expect(dilated.resolveLayers([`/${outputStride}`])[0].name).toBe(last.name);
        expect(deepest(dilated)).toBe(outputStride);
        for (const image of [[321, 321], [224, 320]] as const) {
          const result = await compute(model, [last.name, 'logits'], image);
          expect(result[last.name].dims.slice(2)).toEqual(image.map((size) => sizes[name]?.[outputStride]?.[size] ?? Math.ceil(size / outputStride)));
          expect((result.logits.data as Float32Array).every(Number.isFinite)).toBe(true);
        }
      }
    });
  }
});
