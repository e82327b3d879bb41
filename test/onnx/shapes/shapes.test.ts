import { readFileSync } from 'node:fs';
import { refusal } from '../../helpers.js';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { inferShapes } from '../../../src/onnx/shapes/infer.js';
import type { OnnxGraph, OnnxModel } from '../../../src/onnx/model.js';
import { NetworkGraph } from '../../../src/classifier/network.js';
import { parseModel } from '../../../src/onnx/file/read.js';
import { GraphShapes, imageInput } from '../../../src/onnx/shapes/shapes.js';
import { DataType } from '../../../src/onnx/tensor.js';
import { upgradeModel } from '../../../src/onnx/rewrite/upgrade.js';
import { windowAxes, windowOutput } from '../../../src/onnx/shapes/window.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import { loadCase, loadCases } from '../../fixtures/load.js';

/** The tensors of a graph that hold sizes, not pixels. */
function integerTensors({ nodes }: OnnxGraph): Set<string> {
  const integers = new Set<string>();
  for (const { op, inputs, outputs, attributes } of nodes) {
    const to = attributes.to?.kind === 'int' ? attributes.to.value : undefined;
    if (op === 'Shape' || (op === 'Cast' ? to === DataType.int64 : integers.has(inputs[0]))) for (const name of outputs) integers.add(name);
  }
  return integers;
}

describe('shapes and sizes inferred for a graph are those that ONNX Runtime makes', () => {
  const groups = new Map<string, ReturnType<typeof loadCases>>();
  for (const testCase of loadCases()) groups.set(testCase.group, [...groups.get(testCase.group) ?? [], testCase]);
  for (const [group, cases] of groups) {
    it(`${cases.length} models of the group ${group}`, async () => {
      for (const { name, modelPath, runs } of cases) {
        const model = upgradeModel(parseModel(readFileSync(modelPath)));
        const integers = integerTensors(model.graph);
        const names = model.graph.nodes.filter(({ op }) => op !== 'Constant').flatMap(({ outputs }) => outputs).filter((output) => output !== '');
        const outputs = names.map((output) => ({ name: output, type: integers.has(output) ? DataType.int64 : DataType.float32, shape: undefined }));
        const session = await ortRuntime.load(serializeModel({ ...model, graph: { ...model.graph, outputs } }), { threads: 1 });
        for (const { shape, input } of runs) {
          const known = inferShapes(model.graph, new Map([['input', shape]]));
          const results = await session.run({ input: { type: 'float32', dims: shape, data: input } });
          for (const output of names) {
            expect(known.get(output)?.dims, `${name}: ${output}`).toEqual(results[output].dims);
            if (integers.has(output)) expect(known.get(output)?.values, `${name}: ${output}`).toEqual(Array.from(results[output].data, Number));
          }
        }
        await session.release();
      }
    });
  }
});

function graphOf(shape: readonly (number | string | null)[], build: (b: GraphBuilder) => void): OnnxGraph {
  const inputs = [{ name: 'x', type: DataType.float32, shape }];
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
  build(b);
  return { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs, outputs: [] };
}

describe('arithmetic on sizes gives the numbers that ONNX Runtime computes', () => {
  /** Of the image's size, an int64 vector [4]. */
  type Build = (b: GraphBuilder, size: string) => string;
  const matrix = (b: GraphBuilder) => b.reshape(b.ints([1, 2, 3, 4, 5, 6]), [2, 3]);
  const first = Number.MIN_SAFE_INTEGER;
  const cases: Record<string, Build> = {
    'the paddings of PyTorch\'s F.pad: a list of pairs, backwards, as begins and ends': (b, size) => {
      const zeros = b.node('ConstantOfShape', [b.ints([4])], {});
      const pairs = b.reshape(b.concat([b.sub(size, b.ints(3)), b.cast(zeros, DataType.int64)], 0), [-1, 2]);
      return b.reshape(b.transpose(b.node('Slice', [pairs, b.ints([-1]), b.ints([first]), b.ints([0]), b.ints([-1])]), [1, 0]), [-1]);
    },
    'a slice backwards, by twos': (b) => b.node('Slice', [b.ints([0, 1, 2, 3, 4, 5]), b.ints([-2]), b.ints([0]), b.ints([0]), b.ints([-2])]),
    'a slice backwards from beyond the end': (b) => b.node('Slice', [matrix(b), b.ints([9, 1]), b.ints([first, first]), b.ints([1, 0]), b.ints([-2, -1])]),
    'a slice of a matrix': (b) => b.slice(matrix(b), b.ints([1]), b.ints([3]), [-1]),
    'the transpose of three axes': (b) => b.transpose(b.reshape(b.ints([...Array(24).keys()]), [2, 3, 4]), [2, 0, 1]),
    'concatenation along the second axis': (b) => b.concat([matrix(b), b.reshape(b.ints([7, 8]), [2, 1]), matrix(b)], 1),
    'rows of a matrix': (b) => b.gather(matrix(b), b.ints([1, 0, -1]), 0),
    'a column of a matrix': (b) => b.gather(matrix(b), b.ints(-1), 1),
    'parts of a matrix': (b) => b.nodeWithOutputs('Split', [matrix(b), b.ints([1, 2])], 2, { axis: 1 })[1],
    'repetition': (b) => b.node('Tile', [matrix(b), b.ints([1, 2])]),
    'expansion': (b) => b.expand(b.reshape(b.ints([1, 2]), [2, 1]), b.ints([3, 2, 2])),
    'a range': (b, size) => b.range(b.ints(0), b.gather(size, b.ints(3), 0), b.ints(3)),
    'broadcasting of a column by a row': (b) => b.mul(b.reshape(b.ints([1, 2]), [2, 1]), b.reshape(b.ints([3, 4, 5]), [1, 3])),
    'division of negative numbers': (b) => b.div(b.ints([-7, 7, -7]), b.ints([2, -2, -2])),
    'remainders of negative numbers': (b) => b.mod(b.ints([-7, 7, -7]), b.ints([3, -3, -3])),
    'powers, maxima and minima': (b) => b.max(b.pow(b.ints([1, 2, 3]), b.ints(2)), b.min(b.ints([9, 1, 12]), b.ints(10))),
    'choices': (b, size) => b.where(b.greater(size, b.ints(10)), b.neg(size), b.ints([-1, -2, -3, -4])),
    'a division of floats, rounded up': (b, size) => b.cast(b.node('Ceil', [b.div(b.cast(size, DataType.float32), b.floats(2))]), DataType.int64),
    'a division of floats, rounded down by the cast': (b, size) => b.cast(b.sqrt(b.cast(size, DataType.float32)), DataType.int64),
    'products and sums': (b, size) => b.add(b.node('ReduceProd', [size], { keepdims: 1 }), b.reduceSum(size, [0])),
    'the number of elements': (b) => b.node('Size', ['x']),
    'squeezed and unsqueezed': (b, size) => b.squeeze(b.unsqueeze(size, [0, 2]), [2]),
  };
  for (const [name, build] of Object.entries(cases)) {
    it(name, async () => {
      let y = '';
      const graph = graphOf(['N', 3, 'H', 'W'], (b) => { y = build(b, b.shape('x')); });
      const outputs = [{ name: y, type: DataType.int64, shape: undefined }];
      const session = await ortRuntime.load(serializeModel(modelOf({ ...graph, outputs })), { threads: 1 });
      const dims = [1, 3, 7, 10];
      const { [y]: expected } = await session.run({ x: { type: 'float32', dims, data: new Float32Array(210) } });
      await session.release();
      const known = inferShapes(graph, new Map([['x', dims]])).get(y);
      expect(known?.dims).toEqual(expected.dims);
      expect(known?.values).toEqual(Array.from(expected.data, Number));
    });
  }
});

it.each([-1, 0, 1, -2])('the shape of one-hot vectors along axis %i is that of ONNX Runtime', async (axis) => {
  let y = '';
  const graph = graphOf(['N', 3, 'H', 'W'], (b) => { y = b.oneHot(b.reshape(b.ints([1, 2, 0, 2, 1, 1]), [2, 3]), b.ints(5), b.floats([0, 1]), axis); });
  const outputs = [{ name: y, type: DataType.float32, shape: undefined }];
  const session = await ortRuntime.load(serializeModel(modelOf({ ...graph, outputs })), { threads: 1 });
  const dims = [1, 3, 7, 10];
  const { [y]: expected } = await session.run({ x: { type: 'float32', dims, data: new Float32Array(210) } });
  await session.release();
  expect(inferShapes(graph, new Map([['x', dims]])).get(y)?.dims).toEqual(expected.dims);
});

const modelOf = (graph: OnnxGraph): OnnxModel => ({ irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(), graph });

describe('GraphShapes', () => {
  const free = ['N', 3, 'H', 'W'];

  it('tells fixed dimensions from those that depend on the image', () => {
    const graph = graphOf(free, (b) => {
      const y = b.alias(b.conv('x', b.floats(new Float32Array(5 * 3 * 9), [5, 3, 3, 3]), { strides: [2, 2], pads: [1, 1, 1, 1] }), 'y');
      b.alias(b.node('GlobalAveragePool', [y]), 'pooled');
      b.alias(b.node('NoSuchOperator', [y]), 'unknown');
      b.alias(b.reshape(y, b.concat([b.shape(y, 0, 1), b.ints([-1])], 0)), 'flat');
      b.alias(b.transpose(y, [1, 0, 2, 3]), 'turned');
    });
    const shapes = GraphShapes.of(graph, imageInput(graph));
    expect(shapes.dims('y')).toEqual([null, 5, null, null]);
    expect(shapes.dims('pooled')).toEqual([null, 5, 1, 1]);
    expect(shapes.dims('flat')).toEqual([null, null]);
    expect(shapes.dims('unknown')).toBeUndefined();
    expect(shapes.stride('y')).toEqual([2, 2]);
    expect(['pooled', 'flat', 'turned', 'unknown', 'nothing'].map((name) => shapes.stride(name))).toEqual(Array(5).fill(undefined));
    expect(['y', 'flat', 'turned'].map((name) => shapes.batchLeads(name))).toEqual([true, true, false]);
  });

  it('counts the stride along each axis', () => {
    const graph = graphOf(free, (b) => {
      b.alias(b.node('MaxPool', ['x'], { kernel_shape: [2, 2], strides: [4, 1] }), 'y');
    });
    expect(GraphShapes.of(graph, imageInput(graph)).stride('y')).toEqual([4, 1]);
  });

  it('counts the stride of a network of one size as image over map', () => {
    const { model, input, shapes } = new NetworkGraph(parseModel(readFileSync(loadCase('vgg-like').modelPath)), 'logits');
    expect(input.fixedSize).toEqual([32, 24]);
    expect(['feat_a', 'feat_b'].map((name) => shapes.stride(name))).toEqual([[4, 4], [8, 8]]);
    expect(model.graph.nodes.length).toBeGreaterThan(5);
  });

  it('counts the strides of a network of one size by its windows, not by its sizes', () => {
    // Without padding 75 pixels become 37, 18 and 8, and 75 / 8 is nearer to 9.
    const names: string[] = [];
    const graph = graphOf([1, 3, 75, 75], (b) => {
      let value = 'x';
      for (let i = 0; i < 3; i++) names.push(value = b.conv(value, b.floats(new Float32Array(81), [3, 3, 3, 3]), { strides: [2, 2] }));
    });
    const shapes = GraphShapes.of(graph, imageInput(graph));
    expect(names.map((name) => shapes.stride(name))).toEqual([[2, 2], [4, 4], [8, 8]]);
  });

  it('tells maps from other tensors of four axes where one size is all there is', () => {
    const names: Record<string, string> = {};
    const graph = graphOf([1, 3, 8, 8], (b) => {
      names.map = b.conv('x', b.floats(new Float32Array(32 * 12), [32, 3, 2, 2]), { strides: [2, 2] });
      names.last = b.transpose(names.map, [0, 2, 3, 1]);
      names.product = b.matmul(names.last, b.floats(new Float32Array(32 * 16), [32, 16]));
      names.back = b.transpose(names.product, [0, 3, 1, 2]);
      names.shuffled = b.reshape(b.transpose(b.reshape(names.back, [1, 2, 8, 4, 4]), [0, 2, 1, 3, 4]), [1, 16, 4, 4]);
      // Two heads of eight channels, and what each of 16 tokens makes of the others: [1, 2, 16, 16].
      names.heads = b.transpose(b.reshape(names.back, [1, 2, 8, 16]), [0, 1, 3, 2]);
      names.attention = b.matmul(names.heads, b.transpose(names.heads, [0, 1, 3, 2]));
      names.fine = b.node('DepthToSpace', [names.back], { blocksize: 2 });
      names.every = b.node('Slice', [names.fine, b.ints([0]), b.ints([8]), b.ints([-1]), b.ints([4])]);
    });
    const shapes = GraphShapes.of(graph, imageInput(graph));
    const strideOf = (name: string) => shapes.stride(name) ?? shapes.strideChannelsLast(name);
    const found = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, strideOf(name)]));
    expect(found).toEqual({
      map: [2, 2], last: [2, 2], product: [2, 2], back: [2, 2], shuffled: [2, 2], heads: undefined, attention: undefined, fine: [1, 1], every: [1, 4],
    });
    expect(['last', 'product'].map((key) => shapes.stride(names[key]))).toEqual([undefined, undefined]);
    expect(shapes.strideChannelsLast(names.back)).toBeUndefined();
  });

  it('takes what depends on an odd size for no constant', () => {
    const graph = graphOf(free, (b) => {
      const size = b.shape('x', 2, 4);
      b.alias(b.mod(size, b.ints([2])), 'rest');
      b.alias(b.mod(b.div(b.add(size, b.ints(1)), b.ints(2)), b.ints([2])), 'rest_of_half');
      b.alias(b.mul(b.ints([2]), b.ints([3])), 'constant');
    });
    const shapes = GraphShapes.of(graph, imageInput(graph));
    expect(['rest', 'rest_of_half', 'constant'].map((name) => shapes.values(name))).toEqual([undefined, undefined, [6]]);
  });

  it('finds the size of a network that declares a free one and works at one only', () => {
    const graph = graphOf(free, (b) => {
      const map = b.conv('x', b.floats(new Float32Array(2 * 3 * 16), [2, 3, 4, 4]), { strides: [32, 32] });
      b.alias(b.gemm(b.node('Flatten', [map]), b.floats(new Float32Array(2 * 49 * 5), [98, 5])), 'logits');
    });
    const network = new NetworkGraph(modelOf(graph), 'logits');
    expect([network.input.fixedSize, network.sizeFound]).toEqual([[224, 224], true]);
    expect(network.layers.map(({ stride }) => stride)).toEqual([32]);
    const given = new NetworkGraph(modelOf(graph), 'logits', [227, 224]);
    expect([given.input.fixedSize, given.sizeFound]).toEqual([[227, 224], false]);
  });

  it('refuses a network that works at none of the usual sizes', () => {
    const graph = graphOf(free, (b) => { b.alias(b.gemm(b.node('Flatten', ['x']), b.floats(new Float32Array(7), [7, 1])), 'logits'); });
    const { message, hint } = refusal(() => new NetworkGraph(modelOf(graph), 'logits'));
    expect(message).toContain('declares a free image size, but does not work at 256x320');
    expect(hint).toContain('--model-input-size');
  });

  it('names the node that cannot work at an image size', () => {
    const graph = graphOf(['N', 3, 2, 2], (b) => {
      b.conv('x', b.floats(new Float32Array(3 * 25), [1, 3, 5, 5]));
    });
    expect(refusal(() => GraphShapes.of(graph, imageInput(graph))).message).toMatch(/Conv 'Conv_\d' does not work at this input size: its output would be empty/);
  });
});

describe('the image input', () => {
  const inputOf = (...shapes: (readonly (number | string | null)[])[]): OnnxGraph => ({
    name: 'g', nodes: [], initializers: new Map(), outputs: [],
    inputs: shapes.map((shape, i) => ({ name: `x${i}`, type: DataType.float32, shape })),
  });

  it('has channels, and a size where one is declared or given', () => {
    expect(imageInput(inputOf(['N', 3, 'H', 'W']))).toEqual({ name: 'x0', channels: 3, fixedSize: undefined });
    expect(imageInput(inputOf([null, 3, null, null]), [224, 200])).toEqual({ name: 'x0', channels: 3, fixedSize: [224, 200] });
    expect(imageInput(inputOf([1, 1, 28, 32]))).toEqual({ name: 'x0', channels: 1, fixedSize: [28, 32] });
    expect(imageInput(inputOf([1, 3, 224, 224]), [224, 224]).fixedSize).toEqual([224, 224]);
  });

  it('cannot be run at another size than it declares', () => {
    expect(refusal(() => imageInput(inputOf([1, 3, 224, 224]), [224, 320])).message).toMatch(/224, 224.*224x320/);
  });

  it('declares its channels', () => {
    for (const shape of [['N', 'C', 224, 224], [null, null, null, null], [1, 224, 224, 3]]) {
      const { message, hint } = refusal(() => imageInput(inputOf(shape)));
      expect(message).toContain('it should be [N, channels, H, W]');
      expect(hint).toContain('channels');
    }
  });

  it('is of floats', () => {
    const graph = inputOf([1, 3, 224, 224]);
    for (const [type, name] of [[DataType.float16, 'float16'], [DataType.uint8, 'uint8']] as const) {
      expect(refusal(() => imageInput({ ...graph, inputs: [{ ...graph.inputs[0], type }] })).message).toContain(`x0 is of type ${name}`);
    }
  });

  it('is one, of four axes', () => {
    for (const graph of [inputOf(['N', 10]), inputOf(), inputOf(['N', 3, 'H', 'W'], ['N', 4])]) {
      expect(refusal(() => imageInput(graph)).message).toContain('one image input');
    }
  });

  it('of a whole network: a text model is refused', () => {
    const graph = graphOf(['N', 77], (b) => { b.alias(b.neg('x'), 'logits'); });
    expect(refusal(() => new NetworkGraph(modelOf(graph), 'logits')).message).toContain('x [N, 77]');
  });
});

describe('windows', () => {
  const node = (attributes: Parameters<GraphBuilder['node']>[2], kernel: [number, number]) => {
    const b = new GraphBuilder();
    b.node('Conv', ['x', 'w'], attributes);
    return windowAxes(b.nodes[0], kernel);
  };

  it('have ONNX\'s defaults', () => {
    expect(node({}, [3, 2])).toEqual([
      { kernel: 3, stride: 1, dilation: 1, span: 3, pads: [0, 0] },
      { kernel: 2, stride: 1, dilation: 1, span: 2, pads: [0, 0] },
    ]);
  });

  it('pads are all begins, then all ends; SAME at stride 1 puts the odd one where its name says', () => {
    const [vertical, horizontal] = node({ pads: [1, 2, 3, 4], dilations: [2, 3] }, [3, 3]);
    expect([vertical.pads, horizontal.pads, vertical.span, horizontal.span]).toEqual([[1, 3], [2, 4], 5, 7]);
    expect(node({ auto_pad: 'SAME_UPPER' }, [4, 3]).map(({ pads }) => pads)).toEqual([[1, 2], [1, 1]]);
    expect(node({ auto_pad: 'SAME_LOWER' }, [4, 3]).map(({ pads }) => pads)).toEqual([[2, 1], [1, 1]]);
  });

  it('output sizes by the formulas of the specification', () => {
    const size = (attributes: Parameters<GraphBuilder['node']>[2], kernel: number, of: number, ceil = false) => windowOutput(node(attributes, [kernel, kernel])[0], of, ceil);
    expect(size({ strides: [2, 2], pads: [1, 1, 1, 1] }, 3, 7)).toBe(4);
    expect(size({ strides: [2, 2], pads: [1, 1, 1, 1] }, 3, 8)).toBe(4);
    expect(size({ strides: [2, 2] }, 3, 8)).toBe(3);
    expect(size({ strides: [2, 2] }, 3, 8, true)).toBe(4);
    // The fifth window of this one would start in the padding behind the end, and is left out.
    expect(size({ strides: [2, 2], pads: [0, 0, 1, 1] }, 1, 8, true)).toBe(4);
    expect(size({ strides: [2, 2], auto_pad: 'SAME_UPPER' }, 3, 7)).toBe(4);
    expect(size({ strides: [3, 3], auto_pad: 'VALID' }, 2, 7)).toBe(2);
  });

  it('of one or three axes are refused', () => {
    const b = new GraphBuilder();
    b.node('Conv', ['x', 'w']);
    expect(refusal(() => windowAxes(b.nodes[0], [3, 3, 3])).message).toContain('3 spatial axes');
  });
});
