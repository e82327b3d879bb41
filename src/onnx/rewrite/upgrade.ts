import { UserError } from '../../errors.js';
import type { Attribute, Attributes, OnnxModel, OnnxNode } from '../model.js';
import { describeNode, floatAttribute, intAttribute, intsAttribute, withoutAttributes } from '../model.js';
import { OnnxTensor } from '../tensor.js';

/** The operator set that graphs are brought to before anything is built on them. */
export const TARGET_OPSET = 18;
const OLDEST_OPSET = 7;
/** Later operator sets change nothing for the operators that are built with; far later ones are unknown. */
const NEWEST_OPSET = 24;

/**
 * Rewrites a model of operator set 7 to 17 in the form of operator set 18, so that a rule has to know one form of each
 * operator only: what moved from attributes to inputs over the years (axes, limits, pads, ratios) is moved. A model of
 * operator set 18 or later is returned as it is.
 *
 * @throws UserError for operator sets below 7 and for the few old operators with no counterpart
 */
export function upgradeModel(model: OnnxModel): OnnxModel {
  if (model.opset >= TARGET_OPSET) {
    if (model.opset > NEWEST_OPSET) throw new UserError(`the model is written in operator set ${model.opset}; up to ${NEWEST_OPSET} is supported`, 'export it with an older opset_version');
    return model;
  }
  if (model.opset < OLDEST_OPSET) {
    throw new UserError(`the model is written in operator set ${model.opset}; ${OLDEST_OPSET} is the oldest supported`, 'export it again, or convert it with onnx.version_converter');
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
      // Inference only: the ratio has no effect, and neither has the mask that nobody reads.
      return { ...node, op: 'Identity', inputs: [node.inputs[0]], outputs: [node.outputs[0]], attributes: {} };
    case 'BatchNormalization': {
      if (intAttribute(node, 'spatial', 1) === 0) throw new UserError(`${describeNode(node)} normalises every position on its own (spatial = 0), which is not supported`);
      return { ...node, outputs: [node.outputs[0]], attributes: pick(node.attributes, 'epsilon', 'training_mode') };
    }
    case 'Softmax': case 'LogSoftmax': {
      if (from >= 13) return node;
      const axis = intAttribute(node, 'axis', 1);
      return axis === -1 ? node : flattened(node, axis);
    }
    case 'Upsample': case 'Resize':
      if (from >= 11) return node;
      throw new UserError(`${describeNode(node)}: the ${node.op} of operator set ${from} was withdrawn from ONNX`, 'export the model again with opset_version 11 or later');
    default: return node;
  }
}

/** Before operator set 13, Softmax saw a matrix: the axes before `axis` as its rows, all others as its columns. */
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
