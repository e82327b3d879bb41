import type { OnnxGraph, OnnxNode } from '../onnx/model.js';
import { tensorAttribute } from '../onnx/model.js';
import { traitsOf } from '../onnx/operators.js';
import type { OnnxTensor } from '../onnx/tensor.js';

/** The activation function that turns class scores into probabilities. */
export interface FinalActivation {
  readonly op: 'Softmax' | 'LogSoftmax' | 'Sigmoid' | 'HardSigmoid';
  /** The tensor of probabilities. */
  readonly of: string;
  /** The tensor before the activation; if several are joined, all their names. */
  readonly before: string;
  /** The output and input of each activation: several if heads are joined. */
  readonly parts: readonly { readonly made: string; readonly before: string }[];
  /** Whether only rearranging nodes follow the activation: no logarithm, no limits, no second activation. */
  readonly alone: boolean;
}

/** Operators that keep probabilities away from the limits of their range. */
const limits = new Set(['Clip', 'Max', 'Min', 'Add']);
const activations = new Set(['Softmax', 'LogSoftmax', 'Sigmoid', 'HardSigmoid']);

/** For messages: `'probs' is computed by Softmax`. */
export function describeActivation({ op, of }: FinalActivation): string {
  return `'${of}' is computed by ${op}`;
}

/**
 * Finds the activation function that produces a tensor, as in classifiers exported from Keras, Ultralytics and others. It is a
 * node or a formula. It may be followed by nodes that only rearrange, or compute the logarithm of probabilities. Activations
 * further inside the network (attention, gates) are ignored.
 *
 * @returns `undefined` if there is none
 */
export function finalActivation(graph: OnnxGraph, tensor: string): FinalActivation | undefined {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const constantOf = (name: string): OnnxTensor | undefined => (
    graph.initializers.get(name) ?? (makers.get(name)?.op === 'Constant' ? tensorAttribute(makers.get(name)!, 'value') : undefined)
  );
  const isConstant = (name: string): boolean => graph.initializers.has(name) || makers.get(name)?.op === 'Constant';
  const maker: Maker = (name) => {
    const node = makers.get(name);
    return node?.domain === '' ? node : undefined;
  };
  /** The tensor before nodes that only rearrange it. */
  const carried = (name: string): string => {
    let at = name;
    for (let node = maker(at); node !== undefined && traitsOf(node).carries === true; node = maker(at)) [at] = node.inputs;
    return at;
  };
  const activationAt = (name: string): Pick<FinalActivation, 'op' | 'before'> | undefined => {
    const node = maker(name);
    if (node === undefined) return undefined;
    if (activations.has(node.op)) return { op: node.op as FinalActivation['op'], before: node.inputs[0] };
    const softmax = softmaxInput(node, maker, carried);
    if (softmax !== undefined) return { op: 'Softmax', before: softmax };
    const logSoftmax = logSoftmaxInput(node, maker, carried);
    if (logSoftmax !== undefined) return { op: 'LogSoftmax', before: logSoftmax };
    const sigmoid = sigmoidInput(node, maker, (each) => isOne(constantOf(each)));
    return sigmoid === undefined ? undefined : { op: 'Sigmoid', before: sigmoid };
  };
  let found: FinalActivation | undefined;
  let at = carried(tensor);
  // Go back through logarithms of probabilities, and probabilities of probabilities, to the first scores.
  for (;;) {
    const next = activationAt(at);
    if (next !== undefined) {
      const before = uncast(next.before, maker);
      found = { op: next.op, before, of: tensor, parts: [{ made: at, before }], alone: found === undefined && at === carried(tensor) };
      at = carried(next.before);
      continue;
    }
    const node = maker(at);
    if (node?.op === 'Concat' && found === undefined) return joined(tensor, node.inputs.map((name) => finalActivation(graph, name)));
    const inner = node === undefined ? undefined : throughLimits(node, maker, carried, isConstant);
    if (inner === undefined || activationAt(inner) === undefined) return found;
    at = inner;
  }
}

/** Joined heads, each with its own activation. */
function joined(of: string, heads: readonly (FinalActivation | undefined)[]): FinalActivation | undefined {
  const [first] = heads;
  if (first === undefined || !heads.every((head) => head?.op === first.op && head.alone)) return undefined;
  const parts = (heads as readonly FinalActivation[]).flatMap((head) => head.parts);
  return { op: first.op, of, before: parts.map(({ before }) => before).join(', '), parts, alone: true };
}

/** The tensor before casts, which are removed between floats. */
function uncast(name: string, maker: Maker): string {
  let at = name;
  for (let node = maker(at); node?.op === 'Cast' || node?.op === 'CastLike'; node = maker(at)) [at] = node.inputs;
  return at;
}

/** The input of a logarithm or a limit, through further limits. */
function throughLimits(
  node: OnnxNode, maker: Maker, carried: Carried, isConstant: (name: string) => boolean,
): string | undefined {
  let at: OnnxNode | undefined = node;
  let name: string | undefined;
  while (at !== undefined && (at.op === 'Log' || limits.has(at.op))) {
    const [first, second] = at.inputs;
    if ((at.op === 'Add' || at.op === 'Max' || at.op === 'Min') && (at.inputs.length !== 2 || isConstant(first) === isConstant(second))) break;
    name = carried(at.op !== 'Log' && at.op !== 'Clip' && isConstant(first) ? second : first);
    at = maker(name);
  }
  return name;
}

type Maker = (name: string) => OnnxNode | undefined;
type Carried = (name: string) => string;

/** x of exp(x) / sum(exp(x)), with or without max(x) subtracted first. */
function softmaxInput(node: OnnxNode, maker: Maker, carried: Carried): string | undefined {
  if (node.op !== 'Div') return undefined;
  const powers = maker(carried(node.inputs[0]));
  if (powers?.op !== 'Exp' || !isSumOf(node.inputs[1], powers.outputs[0], maker, carried)) return undefined;
  return uncentred(powers.inputs[0], maker, carried);
}

/** x of x - log(sum(exp(x))), with or without max(x) subtracted first. */
function logSoftmaxInput(node: OnnxNode, maker: Maker, carried: Carried): string | undefined {
  if (node.op !== 'Sub') return undefined;
  const x = carried(node.inputs[0]);
  const norm = maker(carried(node.inputs[1]));
  if (norm?.op === 'ReduceLogSumExp') return carried(norm.inputs[0]) === x ? node.inputs[0] : undefined;
  const sum = norm?.op === 'Log' ? maker(carried(norm.inputs[0])) : undefined;
  const powers = sum?.op === 'ReduceSum' ? maker(carried(sum.inputs[0])) : undefined;
  return powers?.op === 'Exp' && carried(powers.inputs[0]) === x ? uncentred(node.inputs[0], maker, carried) : undefined;
}

function isSumOf(name: string, of: string, maker: Maker, carried: Carried): boolean {
  const sum = maker(carried(name));
  return sum?.op === 'ReduceSum' && carried(sum.inputs[0]) === of;
}

/** x of x - max(x), or the tensor itself. */
function uncentred(name: string, maker: Maker, carried: Carried): string {
  const centred = maker(carried(name));
  const largest = centred?.op === 'Sub' ? maker(carried(centred.inputs[1])) : undefined;
  return largest?.op === 'ReduceMax' && carried(largest.inputs[0]) === carried(centred!.inputs[0]) ? centred!.inputs[0] : name;
}

/** x of 1 / (1 + exp(-x)). */
function sigmoidInput(node: OnnxNode, maker: Maker, isOne: (name: string) => boolean): string | undefined {
  const inverted = node.op === 'Reciprocal' ? node.inputs[0] : node.op === 'Div' && isOne(node.inputs[0]) ? node.inputs[1] : undefined;
  const sum = inverted === undefined ? undefined : maker(inverted);
  const power = sum?.op === 'Add' ? sum.inputs.find((name) => !isOne(name)) : undefined;
  const negated = power !== undefined && sum!.inputs.some(isOne) && maker(power)?.op === 'Exp' ? maker(maker(power)!.inputs[0]) : undefined;
  return negated?.op === 'Neg' ? negated.inputs[0] : undefined;
}

function isOne(tensor: OnnxTensor | undefined): boolean {
  return tensor?.size === 1 && tensor.toNumbers()[0] === 1;
}
