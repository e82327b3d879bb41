import type { OnnxNode } from './model.js';

/** Properties of an operator, apart from how it is computed and differentiated. */
export interface OperatorTraits {
  /**
   * How the result is computed from the inputs.
   *
   * - `pointwise`: element by element from the first input; other inputs are parameters.
   * - `broadcast`: element by element from all inputs, which are broadcast.
   * - `like-first`: has the shape of the first input, but is not computed element by element.
   * - `regroup`: the same numbers in the same order, in another shape.
   * - `reduction`: along axes, as ReduceSum.
   * - `window`: from windows over an image.
   *
   * Operators without a form have their own shape rule.
   */
  readonly form?: 'pointwise' | 'broadcast' | 'like-first' | 'regroup' | 'reduction' | 'window';
  /** The element type of the result, if it is always the same. Such a result has no gradient. */
  readonly result?: 'bool' | 'int64';
  /** The result changes in steps only, so it has no gradient. */
  readonly steps?: true;
  /** An activation function, or a function that makes a formula one: erf in GELU, exp in SiLU. */
  readonly bends?: true;
  /** The result is never negative. */
  readonly positive?: true;
  /** Combines elements of its first input, or of all inputs: positive stays positive, and activated stays activated. */
  readonly gathers?: 'first' | 'all';
  /** Passes on, converts or rearranges the numbers of its first input. Each of them appears once in the result. */
  readonly carries?: true;
  /** Rows and columns of the image are not tracked beyond it. */
  readonly losesImage?: true;
  /** Exporters compute sizes and indices with it: shape inference tracks its values, and integers are computed in JavaScript. */
  readonly onSizes?: true;
  /** Can be computed in ONNX Runtime's blocked layout. */
  readonly inBlocks?: true;
}

const pointwise = { form: 'pointwise' } as const;
const activation = { ...pointwise, bends: true } as const;
const blockActivation = { ...activation, inBlocks: true } as const;
const rectifying = { ...blockActivation, positive: true } as const;
const broadcast = { form: 'broadcast' } as const;
const arithmetic = { ...broadcast, onSizes: true, inBlocks: true } as const;
const truth = { ...broadcast, result: 'bool', onSizes: true } as const;
const blockTruth = { ...truth, inBlocks: true } as const;
const rounding = { ...pointwise, steps: true, onSizes: true } as const;
const likeFirst = { form: 'like-first' } as const;
const reduction = { form: 'reduction' } as const;
const arranging = { gathers: 'first', onSizes: true } as const;
const regroup = { ...arranging, form: 'regroup', carries: true } as const;

// A new operator needs a row here, a gradient rule in autodiff/rules, a function in runtime/tfjs/operators (the files have the same names),
// and a line in test/operator-cases.ts. An operator without a form also needs a shape rule in shapes/infer.
const rows: Readonly<Record<string, OperatorTraits>> = {
  // Activation functions.
  Relu: rectifying, Sigmoid: rectifying, HardSigmoid: rectifying, Softplus: rectifying, Exp: rectifying,
  Clip: { ...blockActivation, onSizes: true },
  LeakyRelu: blockActivation, Tanh: blockActivation, HardSwish: blockActivation, Erf: blockActivation,
  PRelu: { ...broadcast, bends: true },
  Elu: activation, Selu: activation, Celu: activation, ThresholdedRelu: activation, Softsign: activation,
  Gelu: activation, Mish: activation, Swish: activation,
  // Arithmetic.
  Add: { ...arithmetic, gathers: 'all' }, Sum: { ...arithmetic, gathers: 'all' }, Mul: { ...arithmetic, gathers: 'all' },
  Max: { ...arithmetic, gathers: 'all' }, Min: arithmetic, Sub: arithmetic, Div: arithmetic, Pow: arithmetic,
  Mod: { ...broadcast, onSizes: true },
  Neg: { ...pointwise, onSizes: true, inBlocks: true },
  Sqrt: { ...pointwise, onSizes: true, inBlocks: true },
  Abs: { ...pointwise, positive: true, onSizes: true },
  Log: pointwise, Reciprocal: pointwise, Sin: pointwise, Cos: pointwise,
  Floor: rounding, Ceil: rounding, Round: rounding, Sign: rounding,
  // Comparisons, truth values and element types.
  Equal: truth, Greater: blockTruth, GreaterOrEqual: blockTruth, Less: blockTruth, LessOrEqual: blockTruth, And: blockTruth, Or: blockTruth,
  Not: { ...pointwise, result: 'bool', onSizes: true, inBlocks: true },
  IsNaN: { ...pointwise, result: 'bool' },
  IsInf: { result: 'bool' }, Xor: { result: 'bool' },
  Where: arithmetic,
  Cast: { ...pointwise, carries: true, onSizes: true, inBlocks: true },
  CastLike: { carries: true },
  // Convolutions, pools and products of matrices.
  Conv: { form: 'window' }, ConvTranspose: {},
  MaxPool: { form: 'window', gathers: 'first' }, AveragePool: { form: 'window', gathers: 'first' },
  GlobalAveragePool: { gathers: 'first', losesImage: true }, GlobalMaxPool: { gathers: 'first', losesImage: true },
  Resize: { losesImage: true },
  Gemm: { losesImage: true }, MatMul: {},
  // Normalisations.
  BatchNormalization: likeFirst, InstanceNormalization: likeFirst, GroupNormalization: likeFirst, LayerNormalization: likeFirst,
  LpNormalization: likeFirst,
  LRN: { ...likeFirst, gathers: 'first' },
  Softmax: { ...likeFirst, positive: true }, LogSoftmax: likeFirst,
  // Reductions.
  ReduceSum: { ...reduction, gathers: 'first', onSizes: true }, ReduceMax: { ...reduction, gathers: 'first', onSizes: true },
  ReduceMin: { ...reduction, onSizes: true }, ReduceProd: { ...reduction, onSizes: true },
  ReduceMean: { ...reduction, gathers: 'first' },
  ReduceL1: reduction, ReduceL2: reduction, ReduceSumSquare: reduction, ReduceLogSumExp: reduction,
  ArgMax: { result: 'int64', losesImage: true }, ArgMin: { result: 'int64' },
  // Rearranging, cutting and joining.
  Identity: { ...arranging, ...pointwise, carries: true },
  Dropout: { ...pointwise, gathers: 'first', carries: true },
  Reshape: regroup, Flatten: regroup, Squeeze: regroup, Unsqueeze: regroup,
  Transpose: { ...arranging, carries: true },
  Expand: { onSizes: true }, Tile: { onSizes: true },
  DepthToSpace: { gathers: 'first' }, SpaceToDepth: { gathers: 'first' },
  Slice: arranging, Split: arranging,
  Concat: { gathers: 'all', onSizes: true },
  Gather: { ...arranging, losesImage: true },
  Pad: {},
  // Tensors made from shapes and indices.
  Constant: {},
  Shape: { result: 'int64', losesImage: true, onSizes: true }, Size: { result: 'int64', losesImage: true, onSizes: true },
  ConstantOfShape: { onSizes: true }, Range: { onSizes: true },
  OneHot: {}, NonZero: { result: 'int64' },
  ScatterND: likeFirst, ScatterElements: likeFirst, CumSum: likeFirst, Trilu: likeFirst,
  QuantizeLinear: likeFirst, DequantizeLinear: likeFirst,
};

/** The traits of every known operator, by its name in ONNX. */
export const operatorTraits: ReadonlyMap<string, OperatorTraits> = new Map(Object.entries(rows));

const unknown: OperatorTraits = {};

/** The traits of a node's operator; none if the operator is unknown or from another domain. */
export function traitsOf({ op, domain }: Pick<OnnxNode, 'op' | 'domain'>): OperatorTraits {
  return (domain === '' ? operatorTraits.get(op) : undefined) ?? unknown;
}
