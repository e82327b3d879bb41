import type { ForwardCase } from './forward-graph.js';
import { fed, fedInts, floats, ints, intsOf, number, positive, truths, w, x } from './forward-graph.js';

type Rest = Omit<ForwardCase, 'op' | 'what'>;
const of = (op: string, cases: Readonly<Record<string, Rest>>): ForwardCase[] => (
  Object.entries(cases).map(([what, rest]) => ({ op, what, ...rest })));

const int64 = ['int64'] as const;

/** Values at and around the points where activations bend. */
const bends = (): number[] => [-9, -6, -4, -3, -2.5, -1, -0.5, -0.01, 0, 0.01, 0.5, 1, 2.5, 3, 4, 6, 7, 12];

const activations = [
  'Relu', 'Sigmoid', 'Tanh', 'Softplus', 'Mish', 'HardSwish', 'Erf', 'Exp', 'Abs', 'Neg', 'Sign', 'Floor', 'Ceil', 'Identity', 'HardSigmoid', 'Elu', 'Selu',
  'LeakyRelu',
].flatMap((op) => of(op, { 'of a matrix': { inputs: [fed(bends(), [3, 6])] }, 'of images': { inputs: [x(2, 3, 4, 5)] } }));

const pairs = (op: string, bool?: true): ForwardCase[] => of(op, {
  'equal shapes': { inputs: [x(2, 3, 4, 5), positive(2, 3, 4, 5)], bool },
  'a number': { inputs: [x(2, 3, 4, 5), number(0.3)], bool },
  'a number first': { inputs: [number(0.3), positive(2, 3, 4, 5)], bool },
  'a value per channel': { inputs: [x(2, 3, 4, 5), floats([0.5, -0.25, 2], [3, 1, 1])], bool },
  'a value per image and channel': { inputs: [x(2, 3, 4, 5), positive(2, 3, 1, 1)], bool },
  'a row': { inputs: [x(2, 3, 4, 5), positive(5)], bool },
  'a column and a row': { inputs: [x(1, 3, 4, 1), positive(2, 1, 1, 5)], bool },
  'matrices': { inputs: [x(4, 3), positive(3)], bool },
  'five axes': { inputs: [x(2, 3, 2, 2, 2), positive(1, 3, 1, 2, 1)], bool },
});

const comparisons = ['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].flatMap((op) => pairs(op, true));

const arithmetic = [
  ...['Add', 'Sub', 'Mul', 'Div', 'Min', 'Max'].flatMap((op) => pairs(op)),
  ...of('Sum', { one: { inputs: [x(2, 3, 4, 5)] }, three: { inputs: [x(2, 3, 4, 5), x(3, 1, 1), x(2, 3, 4, 5)] } }),
  ...of('Max', { three: { inputs: [x(2, 3), x(3), x(2, 1)] } }),
  ...of('Pow', {
    'a square': { inputs: [x(2, 3, 4, 5), number(2)] }, 'a root': { inputs: [positive(2, 3, 4, 5), number(-0.75)] },
    'a power per channel': { inputs: [positive(2, 3, 4, 5), floats([0.5, -1.5, 3], [3, 1, 1])] },
  }),
  ...of('Mod', { integers: { inputs: [fedInts([7, 250, 12, 0, 99], [5]), ints(5)], results: int64 } }),
  ...of('Div', { integers: { inputs: [fedInts([7, -7, 12]), ints(5)], results: int64 } }),
  ...of('Sqrt', { 'of images': { inputs: [positive(2, 3, 4, 5)] } }),
  ...of('Log', { 'of images': { inputs: [positive(2, 3, 4, 5)] } }),
  ...of('Reciprocal', { 'of images': { inputs: [positive(2, 3, 4, 5)] } }),
  ...of('Equal', {
    floats: { inputs: [fed([1, 2, 3, 4, 5, 6], [2, 3]), fed([1, 5, 3])], bool: true },
    integers: { inputs: [fedInts([1, 2, 3]), ints(3)], bool: true },
  }),
  ...['And', 'Or'].flatMap((op) => of(op, { 'of images': { inputs: [truths(2, 3, 4, 5), truths(3, 1, 1)], bool: true } })),
  ...of('Not', { 'of images': { inputs: [truths(2, 3, 4, 5)], bool: true } }),
  ...of('Where', {
    'equal shapes': { inputs: [truths(2, 3, 4, 5), x(2, 3, 4, 5), x(2, 3, 4, 5)] },
    'numbers': { inputs: [truths(2, 3, 4, 5), number(1), number(0)] },
    'a condition per channel': { inputs: [truths(3, 1, 1), x(2, 3, 4, 5), number(-1)] },
    'integers': { inputs: [truths(4), ints(7), intsOf([1, 2, 3, 4], [4])], results: int64 },
  }),
];

const shaped = [
  ...of('LeakyRelu', { alpha: { inputs: [x(2, 3, 4, 5)], attributes: { alpha: { float: 0.3 } } } }),
  ...of('Elu', { alpha: { inputs: [x(2, 3, 4, 5)], attributes: { alpha: { float: 0.3 } } } }),
  ...of('Selu', { 'alpha and gamma': { inputs: [x(2, 3, 4, 5)], attributes: { alpha: { float: 1.1 }, gamma: { float: 2 } } } }),
  ...of('HardSigmoid', { 'alpha and beta': { inputs: [x(2, 3, 4, 5)], attributes: { alpha: { float: 1 }, beta: { float: 0.3 } } } }),
  ...of('PRelu', { 'one slope': { inputs: [x(2, 3, 4, 5), floats([0.25])] }, 'a slope per channel': { inputs: [x(2, 3, 4, 5), w(3, 1, 1)] } }),
  ...of('Gelu', { exact: { inputs: [fed(bends())], opset: 20 }, tanh: { inputs: [fed(bends())], attributes: { approximate: 'tanh' }, opset: 20 } }),
  ...of('Clip', {
    'both limits': { inputs: [fed(bends(), [1, 3, 3, 2]), number(0), number(6)] }, 'below': { inputs: [x(2, 3, 4, 5), number(-0.2)] },
    'above': { inputs: [x(2, 3, 4, 5), '', number(0.2)] }, 'none': { inputs: [x(2, 3)] }, 'at zero': { inputs: [x(2, 3, 4, 5), number(0)] },
  }),
  ...of('Cast', {
    'to integers': { inputs: [fed([-1.7, -0.2, 0.7, 2.9, 40])], attributes: { to: 7 }, results: int64 },
    'to floats': { inputs: [fedInts([1, -5, 7])], attributes: { to: 1 } },
    'to truths': { inputs: [fed([0, 0.3, -1, 0], [1, 1, 2, 2])], attributes: { to: 9 }, bool: true },
    'of truths': { inputs: [truths(1, 2, 3, 4)], attributes: { to: 1 } },
  }),
  ...['Softsign', 'ThresholdedRelu', 'Celu', 'Round'].flatMap((op) => of(op, { 'of a matrix': { inputs: [fed(bends(), [3, 6])] } })),
  ...of('Dropout', { 'at rest': { inputs: [x(2, 3, 4, 5)] } }),
];

const conv = (inputs: Rest['inputs'], attributes: Rest['attributes'] = {}): Rest => ({ inputs, attributes });
const convolutions = of('Conv', {
  '1x1': conv([x(2, 3, 5, 6), w(4, 3, 1, 1), w(4)]),
  '3x3 padded': conv([x(2, 3, 5, 6), w(4, 3, 3, 3), w(4)], { pads: [1, 1, 1, 1] }),
  '3x3 without bias': conv([x(1, 3, 7, 6), w(4, 3, 3, 3)]),
  'asymmetric pads and strides': conv([x(1, 3, 7, 9), w(4, 3, 3, 2), w(4)], { pads: [0, 1, 2, 0], strides: [2, 3] }),
  'dilated': conv([x(1, 3, 9, 8), w(4, 3, 3, 3), w(4)], { pads: [2, 3, 2, 3], dilations: [2, 3] }),
  'dilated and strided': conv([x(1, 3, 9, 8), w(4, 3, 3, 3), w(4)], { pads: [2, 2, 2, 2], dilations: [2, 2], strides: [2, 1] }),
  'SAME_UPPER': conv([x(1, 3, 7, 6), w(4, 3, 3, 3), w(4)], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  'SAME_LOWER': conv([x(1, 3, 7, 6), w(4, 3, 4, 2), w(4)], { auto_pad: 'SAME_LOWER', strides: [2, 2] }),
  'VALID': conv([x(1, 3, 7, 6), w(4, 3, 3, 3)], { auto_pad: 'VALID' }),
  'depthwise': conv([x(2, 4, 6, 5), w(4, 1, 3, 3), w(4)], { group: 4, pads: [1, 1, 1, 1] }),
  'depthwise strided': conv([x(2, 4, 6, 5), w(4, 1, 3, 3), w(4)], { group: 4, pads: [0, 0, 1, 1], strides: [2, 2] }),
  'depthwise, unequal strides': conv([x(2, 4, 6, 5), w(4, 1, 3, 3), w(4)], { group: 4, pads: [1, 1, 1, 1], strides: [2, 1] }),
  'depthwise dilated': conv([x(2, 4, 6, 5), w(4, 1, 3, 3)], { group: 4, pads: [2, 2, 2, 2], dilations: [2, 2] }),
  'depthwise dilated and strided': conv([x(1, 4, 9, 9), w(4, 1, 3, 3)], { group: 4, pads: [2, 2, 2, 2], dilations: [2, 2], strides: [2, 2] }),
  'depthwise, two outputs each': conv([x(1, 3, 6, 5), w(6, 1, 3, 3), w(6)], { group: 3, pads: [1, 1, 1, 1] }),
  'depthwise, an even kernel and wide pads': conv([x(2, 6, 9, 11), w(24, 1, 2, 2)], { group: 6, pads: [4, 4, 4, 4] }),
  'two groups': conv([x(2, 4, 6, 5), w(6, 2, 3, 3), w(6)], { group: 2, pads: [1, 1, 1, 1] }),
  'groups dilated and strided': conv([x(1, 4, 9, 9), w(6, 2, 3, 3), w(6)], { group: 2, pads: [2, 2, 2, 2], dilations: [2, 2], strides: [2, 2] }),
  'one channel': conv([x(6, 1, 5, 6), w(1, 1, 3, 3)], { pads: [2, 2, 2, 2] }),
});

const transposed = of('ConvTranspose', {
  '2x2, stride 2': conv([x(1, 3, 4, 5), w(3, 4, 2, 2), w(4)], { strides: [2, 2] }),
  'padded': conv([x(2, 3, 4, 5), w(3, 4, 3, 3), w(4)], { strides: [2, 1], pads: [1, 0, 1, 1] }),
  'output padding': conv([x(1, 3, 4, 5), w(3, 4, 3, 3)], { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] }),
});

const pool = (dims: readonly number[], attributes: Rest['attributes']): Rest => ({ inputs: [x(...dims)], attributes });
const maxPools = {
  '2x2': pool([2, 3, 6, 8], { kernel_shape: [2, 2], strides: [2, 2] }),
  '3x3 padded': pool([2, 3, 7, 6], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  'ceil_mode': pool([1, 3, 8, 7], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  'ceil_mode and pads': pool([1, 3, 8, 7], { kernel_shape: [2, 2], strides: [3, 2], ceil_mode: 1, pads: [1, 0, 0, 1] }),
  'stride 1': pool([1, 3, 5, 7], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
  'asymmetric': pool([1, 3, 6, 7], { kernel_shape: [2, 3], strides: [1, 2], pads: [0, 1, 1, 2] }),
  'dilated': pool([1, 3, 9, 8], { kernel_shape: [3, 2], strides: [2, 1], dilations: [2, 3], pads: [1, 1, 2, 0] }),
  'SAME_UPPER': pool([1, 3, 7, 8], { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' }),
  'SAME_LOWER': pool([1, 3, 7, 8], { kernel_shape: [2, 2], strides: [2, 2], auto_pad: 'SAME_LOWER' }),
};
const pools = [
  ...of('MaxPool', maxPools),
  ...of('MaxPool', Object.fromEntries(Object.entries(maxPools).map(([what, rest]) => [`${what}, with the places of the maxima`, { ...rest, results: ['float32', 'int64'] as const }]))),
  ...of('MaxPool', {
    'places of equal maxima': {
      inputs: [fed([1, 1, 0, 0, 1, 1, 0, 0, 0, 2, 2, 0, 0, 2, 2, 0], [1, 1, 4, 4])], results: ['float32', 'int64'],
      attributes: { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] },
    },
  }),
  ...of('AveragePool', {
    '2x2': pool([2, 3, 6, 8], { kernel_shape: [2, 2], strides: [2, 2] }),
    'padding not counted': pool([2, 3, 7, 6], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
    'padding counted': pool([2, 3, 7, 6], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 }),
    'ceil_mode': pool([1, 3, 8, 7], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
    'ceil_mode, padding counted': pool([1, 3, 8, 8], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1, pads: [1, 1, 0, 0], count_include_pad: 1 }),
    'asymmetric': pool([1, 3, 6, 7], { kernel_shape: [2, 3], strides: [1, 2], pads: [0, 1, 1, 2] }),
    'a column, as LRN is made of': pool([2, 1, 6, 10], { kernel_shape: [5, 1], pads: [2, 0, 2, 0], count_include_pad: 1 }),
    'SAME_UPPER': pool([1, 3, 7, 8], { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' }),
  }),
  ...['GlobalAveragePool', 'GlobalMaxPool'].flatMap((op) => of(op, { 'of images': { inputs: [x(2, 3, 4, 5)] } })),
  ...of('LRN', {
    'of 5': { inputs: [x(2, 7, 3, 4)], attributes: { size: 5, alpha: { float: 0.3 }, beta: { float: 0.75 }, bias: { float: 2 } } },
  }),
];

const resize = (dims: readonly number[], sizes: readonly number[], attributes: Rest['attributes']): Rest => ({ inputs: [x(...dims), '', '', ints(...sizes)], attributes });
const resizes = of('Resize', {
  'larger, half_pixel': resize([2, 1, 4, 5], [2, 1, 17, 13], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' }),
  'smaller, half_pixel': resize([1, 3, 9, 8], [1, 3, 4, 5], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' }),
  'corners': resize([1, 3, 4, 5], [1, 3, 7, 11], { mode: 'linear', coordinate_transformation_mode: 'align_corners' }),
  'nearest, by 2': { inputs: [x(1, 3, 4, 5), '', floats([1, 1, 2, 2])], attributes: { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' } },
});

const algebra = [
  ...of('Gemm', {
    'plain': { inputs: [x(3, 4), w(4, 5)] }, 'with bias': { inputs: [x(3, 4), w(4, 5), w(5)] },
    'transposed': { inputs: [x(4, 3), w(5, 4), w(3, 5)], attributes: { transA: 1, transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } } },
  }),
  ...of('MatMul', {
    'matrices': { inputs: [x(3, 4), w(4, 5)] }, 'a batch of them': { inputs: [x(2, 3, 4), x(2, 4, 5)] },
    'a batch by one': { inputs: [x(2, 3, 3, 4), w(4, 5)] }, 'broadcast': { inputs: [x(2, 1, 3, 4), x(3, 4, 5)] },
    'two axes of batches': { inputs: [x(2, 3, 3, 4), x(2, 3, 4, 5)] }, 'a vector by a matrix': { inputs: [x(4), w(4, 5)] },
    'a matrix by a vector': { inputs: [x(3, 4), w(4)] }, 'a larger inner size': { inputs: [x(2, 300), x(300, 7)] },
  }),
  ...of('BatchNormalization', {
    images: { inputs: [x(2, 3, 4, 5), w(3), w(3), w(3), floats([0.5, 1, 2])], attributes: { epsilon: { float: 0.01 } } },
    vectors: { inputs: [x(4, 3), w(3), w(3), w(3), floats([0.5, 1, 2])] },
  }),
  ...of('LayerNormalization', {
    'tokens': { inputs: [x(2, 5, 8), w(8), w(8)], opset: 18 }, 'without bias': { inputs: [x(2, 5, 8), w(8)], attributes: { epsilon: { float: 0.01 } } },
    'two axes': { inputs: [x(2, 5, 8), w(5, 8), w(5, 8)], attributes: { axis: 1 } },
  }),
  ...of('InstanceNormalization', { images: { inputs: [x(2, 3, 4, 5), w(3), w(3)], attributes: { epsilon: { float: 0.01 } } } }),
  ...['Softmax', 'LogSoftmax'].flatMap((op) => of(op, {
    'vectors': { inputs: [x(3, 5)] }, 'channels': { inputs: [x(2, 3, 4, 5)], attributes: { axis: 1 } }, 'heads': { inputs: [x(2, 2, 3, 4)], attributes: { axis: -1 } },
    'large numbers': { inputs: [fed([100, 101, -300, 99], [1, 4])] },
  })),
];

const reductions = [
  ...['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL2', 'ReduceSumSquare', 'ReduceL1', 'ReduceLogSumExp'].flatMap((op) => of(op, {
    'positions': { inputs: [x(2, 3, 4, 5), ints(2, 3)] }, 'positions, dropped': { inputs: [x(2, 3, 4, 5), ints(-1, -2)], attributes: { keepdims: 0 } },
    'channels': { inputs: [x(2, 3, 4, 5), ints(1)] }, 'channels, dropped': { inputs: [x(2, 3, 4, 5), ints(1)], attributes: { keepdims: 0 } },
    'batch': { inputs: [x(2, 3, 4, 5), ints(0)], attributes: { keepdims: 0 } }, 'all': { inputs: [x(2, 3, 4)], attributes: { keepdims: 0 } },
    'vectors': { inputs: [x(3, 5), ints(1)] }, 'axes apart': { inputs: [x(2, 3, 4, 5, 2), ints(0, 3)], attributes: { keepdims: 0 } },
    'none of them': { inputs: [x(2, 3), ints()], attributes: { noop_with_empty_axes: 1 } },
  })).filter(({ op, what }) => what !== 'none of them' || !/L[12]|Square|Log/.test(op)),
  ...of('ReduceProd', { integers: { inputs: [fedInts([3, 4, 5]), ints(0)], results: int64 } }),
  ...of('ArgMax', {
    'channels': { inputs: [x(2, 3, 4, 5)], attributes: { axis: 1 }, results: int64 },
    'rows, dropped': { inputs: [x(2, 3, 4)], attributes: { axis: -1, keepdims: 0 }, results: int64 },
    'the first of equals': { inputs: [fed([1, 3, 3, 2, 5, 5], [2, 3])], attributes: { axis: 1 }, results: int64 },
  }),
];

const arrangements = [
  ...of('Reshape', {
    'flat': { inputs: [x(2, 3, 4, 5), ints(2, -1)] }, 'zeros copy': { inputs: [x(2, 3, 4, 5), ints(0, 0, -1)] },
    'six axes': { inputs: [x(2, 6, 4, 4), ints(2, 2, 3, 2, 2, -1)] }, 'to images': { inputs: [x(2, 60), ints(0, 3, 4, 5)] },
    'pooled to vectors': { inputs: [x(2, 3, 1, 1), ints(0, -1)] }, 'integers': { inputs: [fedInts([1, 2, 3, 4]), ints(2, 2)], results: int64 },
  }),
  ...of('Flatten', { 'images': { inputs: [x(2, 3, 4, 5)] }, 'axis 2': { inputs: [x(2, 3, 4)], attributes: { axis: 2 } } }),
  ...of('Squeeze', { 'given': { inputs: [x(2, 3, 1, 1), ints(2, -1)] }, 'all': { inputs: [x(1, 3, 1, 2)] }, 'first of images': { inputs: [x(1, 3, 4, 5), ints(0)] } }),
  ...of('Unsqueeze', { 'to images': { inputs: [x(2, 3), ints(2, 3)] }, 'negative': { inputs: [x(2, 3, 4), ints(-1, 0)] }, 'of images': { inputs: [x(2, 3, 4, 5), ints(1)] } }),
  ...of('Transpose', {
    'reversed': { inputs: [x(2, 3, 4)] }, 'to channels last': { inputs: [x(2, 3, 4, 5)], attributes: { perm: [0, 2, 3, 1] } },
    'from channels last': { inputs: [x(2, 3, 4, 5)], attributes: { perm: [0, 3, 1, 2] } }, 'channels and batch': { inputs: [x(2, 3, 4, 5)], attributes: { perm: [1, 0, 2, 3] } },
    'matrices': { inputs: [x(2, 3, 4, 5)], attributes: { perm: [0, 1, 3, 2] } }, 'five axes': { inputs: [x(2, 3, 2, 4, 5)], attributes: { perm: [0, 2, 1, 4, 3] } },
    'six axes': { inputs: [x(2, 3, 2, 2, 2, 3)], attributes: { perm: [0, 3, 4, 1, 5, 2] } },
  }),
  ...of('Slice', {
    'positions': { inputs: [x(2, 3, 6, 7), ints(1, 2), ints(5, 6), ints(2, 3)] }, 'channels': { inputs: [x(2, 5, 3, 4), ints(1), ints(4), ints(1)] },
    'steps': { inputs: [x(2, 3, 7, 8), ints(0, 1), intsOf([2 ** 53, 2 ** 53], [2]), ints(2, 3), ints(2, 3)] },
    'from the end': { inputs: [x(2, 3, 6), ints(-3), ints(-1), ints(-1)] }, 'backwards': { inputs: [x(2, 6), ints(4), ints(-7), ints(1), ints(-2)] },
    'five axes': { inputs: [x(2, 3, 4, 5, 2), ints(1, 0), ints(2, 3), ints(0, 3)] }, 'five axes in steps': { inputs: [x(2, 3, 4, 5, 2), ints(0), ints(5), ints(3), ints(2)] },
    'integers': { inputs: [fedInts([5, 6, 7, 8]), ints(1), ints(3)], results: int64 },
  }),
  ...of('Split', {
    equal: { inputs: [x(2, 6, 3, 4)], attributes: { axis: 1, num_outputs: 3 }, results: ['float32', 'float32', 'float32'] },
    given: { inputs: [x(2, 6, 3, 4), ints(1, 5)], attributes: { axis: 1 }, results: ['float32', 'float32'] },
    rows: { inputs: [x(5, 2), ints(2, 3)], results: ['float32', 'float32'] },
  }),
  ...of('Concat', {
    'channels': { inputs: [x(2, 3, 4, 5), x(2, 2, 4, 5)], attributes: { axis: 1 } }, 'one image': { inputs: [x(2, 3, 4, 5)], attributes: { axis: 1 } },
    'rows of images': { inputs: [x(2, 3, 4, 5), w(2, 3, 1, 5)], attributes: { axis: 2 } }, 'vectors': { inputs: [x(2), x(3)], attributes: { axis: 0 } },
    'tokens': { inputs: [w(1, 1, 8), x(1, 5, 8)], attributes: { axis: 1 } }, 'integers': { inputs: [fedInts([1]), ints(2, 3)], attributes: { axis: 0 }, results: int64 },
  }),
  ...of('Pad', {
    'images': { inputs: [x(2, 3, 4, 5), ints(0, 0, 1, 2, 0, 0, 3, 0)] }, 'a value': { inputs: [x(2, 3), ints(1, 0, 0, 2), number(0.5)] },
    'cropped': { inputs: [x(2, 3, 6, 5), ints(0, 0, -1, 2, 0, 0, 3, -2)] }, 'channels': { inputs: [x(2, 3, 4, 5), ints(0, 1, 0, 0, 0, 2, 0, 0)] },
    'five axes': { inputs: [x(2, 3, 2, 2, 2), ints(0, 0, 0, 1, 0, 0, 1, 0, 0, 1)] }, 'six axes': { inputs: [x(1, 2, 2, 2, 2, 2), ints(0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 2)] },
    'some axes': { inputs: [x(2, 3, 4, 5), ints(1, 2), '', ints(3)] }, 'mirrored': { inputs: [x(1, 2, 4, 5), ints(0, 0, 1, 2, 0, 0, 2, 1)], attributes: { mode: 'reflect' } },
  }),
  ...of('Gather', {
    'channels': { inputs: [x(2, 5, 3, 4), ints(4, 0, 2)], attributes: { axis: 1 } }, 'one token': { inputs: [x(2, 5, 3), intsOf([0], [])], attributes: { axis: 1 } },
    'rows by a matrix': { inputs: [w(5, 3), fedInts([4, 0, 1, 2], [2, 2])] }, 'from the end': { inputs: [x(5), ints(-1, -5)] },
    'of integers': { inputs: [fedInts([5, 6, 7, 8]), ints(2, 0)], results: int64 },
  }),
  ...of('Expand', {
    'positions': { inputs: [x(2, 3, 1, 1), ints(2, 3, 4, 5)] }, 'batch': { inputs: [x(1, 3, 4, 5), ints(3, 1, 1, 1)] }, 'more axes': { inputs: [x(3, 1), ints(2, 3, 4)] },
    'fewer axes': { inputs: [x(2, 3, 1, 4), ints(5, 1)] }, 'integers': { inputs: [fedInts([1, 2], [2, 1]), ints(2, 3)], results: int64 },
    'five axes': { inputs: [x(2, 1, 1, 3, 1), ints(2, 4, 1, 3, 2)] },
  }),
  ...of('Tile', { images: { inputs: [x(1, 2, 3, 4), ints(2, 1, 1, 2)] }, integers: { inputs: [fedInts([1, 2]), ints(3)], results: int64 } }),
  ...['DCR', 'CRD'].flatMap((mode) => of('DepthToSpace', { [mode]: { inputs: [x(2, 8, 3, 4)], attributes: { blocksize: 2, mode } } })),
  ...of('SpaceToDepth', { 'of 2': { inputs: [x(2, 2, 6, 4)], attributes: { blocksize: 2 } } }),
  ...of('Shape', {
    'all': { inputs: [x(2, 3, 4, 5)], results: int64 }, 'part': { inputs: [x(2, 3, 4, 5)], attributes: { start: 1, end: 3 }, results: int64 },
    'from the end': { inputs: [x(2, 3, 4, 5)], attributes: { start: -2 }, results: int64 },
  }),
  ...of('Size', { 'of images': { inputs: [x(2, 3, 4, 5)], results: int64 } }),
  ...of('Range', { integers: { inputs: [intsOf([2], []), intsOf([11], []), intsOf([3], [])], results: int64 },
    backwards: { inputs: [intsOf([5], []), intsOf([0], []), intsOf([-2], [])], results: int64 } }),
  ...of('ConstantOfShape', { zeros: { inputs: [fedInts([2, 3])] } }),
  ...of('OneHot', {
    'classes': { inputs: [fedInts([3, 0, 4]), intsOf([5], []), floats([0, 1])] }, 'others': { inputs: [fedInts([3, 0, -1]), intsOf([5], []), floats([1, 0])] },
    'another axis': { inputs: [fedInts([3, 0, 1, 2], [2, 2]), intsOf([4], []), floats([-1, 2])], attributes: { axis: 1 } },
  }),
  ...of('ScatterElements', {
    added: { inputs: [floats(Array<number>(10).fill(0.5), [2, 5]), fedInts([1, 1, 4, 0, 2, 2], [2, 3]), x(2, 3)], attributes: { axis: 1, reduction: 'add' } },
    put: { inputs: [x(2, 5), fedInts([1, 3, 4, 0, 2, -1], [2, 3]), x(2, 3)], attributes: { axis: 1 } },
  }),
  ...of('ScatterND', {
    'single numbers': { inputs: [x(3, 4), fedInts([0, 1, 2, 3, -1, 0], [3, 2]), x(3)] },
    'whole rows': { inputs: [x(3, 2, 2), fedInts([2, 0], [2, 1]), x(2, 2, 2)] },
    'a block of places': { inputs: [x(4, 4, 2), fedInts([1, 1, 1, 2, 2, 1, 2, 2], [2, 2, 2]), x(2, 2, 2)] },
    'added, the same place twice': { inputs: [x(3, 2), fedInts([1, 1, -3], [3, 1]), x(3, 2)], attributes: { reduction: 'add' } },
    'whole numbers': { inputs: [fedInts([1, 2, 3, 4], [2, 2]), fedInts([1, 0], [1, 2]), fedInts([9], [1])], results: int64 },
  }),
];

/** Further uses of operators, over the attributes that classifiers and our own graphs use, and operators without a gradient. */
export const forwardCases: readonly ForwardCase[] = [
  ...activations, ...arithmetic, ...comparisons, ...shaped, ...convolutions, ...transposed, ...pools, ...resizes, ...algebra, ...reductions,
  ...arrangements,
];
