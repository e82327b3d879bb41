import { UserError } from '../../errors.js';
import type { Attribute, Attributes, OnnxModel, OnnxNode } from '../model.js';
import { describeNode, floatAttribute, intAttribute, intsAttribute, withoutAttributes } from '../model.js';
import { OnnxTensor } from '../tensor.js';

/** The operator set that graphs are converted to before anything is built on them. */
export const TARGET_OPSET = 18;
const OLDEST_OPSET = 7;
/** Up to this operator set, the operators that this program uses are the same as in {@link TARGET_OPSET}. */
const NEWEST_OPSET = 24;

/**
 * Converts a model from operator set 7..17 to operator set 18, so that rules only need to know one form of each operator.
 * Parameters that became inputs over the years (axes, limits, pads, ratios) are moved from attributes to inputs. A model of
 * operator set 18 or later is returned as it is.
 *
 * @throws UserError for operator sets below 7 or far above 18, and for a few old operators without a counterpart
 */
export function upgradeModel(model: OnnxModel): OnnxModel {
  if (model.opset >= TARGET_OPSET) {
    if (model.opset > NEWEST_OPSET) throw new UserError(`the model uses operator set ${model.opset}, but the newest that is supported is ${NEWEST_OPSET}`, 'export it with an older opset_version');
    return model;
  }
  if (model.opset < OLDEST_OPSET) {
    throw new UserError(`the model uses operator set ${model.opset}, but the oldest that is supported is ${OLDEST_OPSET}`, 'export it again, or convert it with onnx.version_converter');
  }
  const initializers = new Map(model.graph.initializers);
  const constant = (name: string, tensor: OnnxTensor): string => {
    const unique = `upgraded/${initializers.size}/${name}`;
    initializers.set(unique, tensor);
    return unique;
  };
  const nodes = model.graph.nodes.flatMap((node) => (node.domain === '' ? upgradeNode(node, model.opset, constant) : node));
  return { ...model, irVersion: Math.max(model.irVersion, 8), opset: TARGET_OPSET, graph: { ...model.graph, nodes, initializers } };
}

type MakeConstant = (name: string, tensor: OnnxTensor) => string;

const axesFirstMovedIn18 = new Set(['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceSumSquare']);
const axesMovedIn13 = new Set(['ReduceSum', 'Squeeze', 'Unsqueeze']);

function upgradeNode(node: OnnxNode, from: number, constant: MakeConstant): OnnxNode | OnnxNode[] {
  const ints = (name: string, values: readonly number[]): string => constant(name, OnnxTensor.int64([values.length], values));
  if (axesFirstMovedIn18.has(node.op) || (axesMovedIn13.has(node.op) && from < 13)) {
    const axes = intsAttribute(node, 'axes');
    return axes === undefined ? node : { ...node, inputs: [node.inputs[0], ints('axes', axes)], attributes: withoutAttributes(node.attributes, 'axes') };
  }
  switch (node.op) {
    case 'Clip': {
      if (from >= 11) return node;
      const limit = (name: string): string => (name in node.attributes ? constant(name, OnnxTensor.float32([], [floatAttribute(node, name, 0)])) : '');
      return { ...node, inputs: [node.inputs[0], limit('min'), limit('max')], attributes: {} };
    }
    case 'Pad': {
      if (from >= 11) return node;
      const value = constant('value', OnnxTensor.float32([], [floatAttribute(node, 'value', 0)]));
      return { ...node, inputs: [node.inputs[0], ints('pads', intsAttribute(node, 'pads') ?? []), value], attributes: withoutAttributes(node.attributes, 'pads', 'value') };
    }
    case 'Slice': {
      if (from >= 10) return node;
      const starts = intsAttribute(node, 'starts') ?? [];
      const axes = intsAttribute(node, 'axes') ?? starts.map((_, i) => i);
      return { ...node, inputs: [node.inputs[0], ints('starts', starts), ints('ends', intsAttribute(node, 'ends') ?? []), ints('axes', axes)], attributes: {} };
    }
    case 'Split': {
      const sizes = from < 13 ? intsAttribute(node, 'split') : undefined;
      if (sizes !== undefined) return { ...node, inputs: [node.inputs[0], ints('split', sizes)], attributes: withoutAttributes(node.attributes, 'split') };
      if (node.inputs.length > 1) return node;
      return { ...node, attributes: { ...node.attributes, num_outputs: { kind: 'int', value: node.outputs.length } } };
    }
    case 'Dropout':
      // In inference it passes its input on. Nothing reads the mask.
      return { ...node, op: 'Identity', inputs: [node.inputs[0]], outputs: [node.outputs[0]], attributes: {} };
    case 'BatchNormalization': {
      if (intAttribute(node, 'spatial', 1) === 0) throw new UserError(`${describeNode(node)} normalises every position separately (spatial = 0), which is not supported`);
      return { ...node, outputs: [node.outputs[0]], attributes: pick(node.attributes, 'epsilon', 'training_mode') };
    }
    case 'Softmax': case 'LogSoftmax': {
      if (from >= 13) return node;
      const axis = intAttribute(node, 'axis', 1);
      return axis === -1 ? node : flattened(node, axis);
    }
    case 'Upsample': case 'Resize':
      if (from >= 11) return node;
      throw new UserError(`${describeNode(node)}: ${node.op} of operator set ${from} was removed from ONNX`, 'export the model again with opset_version 11 or later');
    default: return node;
  }
}

/** Before operator set 13, Softmax worked on a matrix: the axes before `axis` were its rows, all others its columns. */
function flattened(node: OnnxNode, axis: number): OnnxNode[] {
  const [x] = node.inputs;
  const [y] = node.outputs;
  const [matrix, shape, result] = ['matrix', 'shape', 'result'].map((part) => `upgraded/${y}/${part}`);
  const int = (value: number): Attribute => ({ kind: 'int', value });
  return [
    { name: matrix, op: 'Flatten', domain: '', inputs: [x], outputs: [matrix], attributes: { axis: int(axis) } },
    { ...node, inputs: [matrix], outputs: [result], attributes: { axis: int(-1) } },
    { name: shape, op: 'Shape', domain: '', inputs: [x], outputs: [shape], attributes: {} },
    { name: `upgraded/${y}`, op: 'Reshape', domain: '', inputs: [result, shape], outputs: [y], attributes: {} },
  ];
}

function pick(attributes: Attributes, ...names: string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]): boolean => names.includes(name))) as Record<string, Attribute>;
}
