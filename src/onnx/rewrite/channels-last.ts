import type { OnnxGraph, OnnxNode } from '../model.js';
import { intsAttribute } from '../model.js';

const TO_LAST = [0, 2, 3, 1];
const TO_FIRST = [0, 3, 1, 2];

/**
 * Changes the image input of a graph from NHWC, as in Keras and TensorFlow, to NCHW. An input is NHWC if it is [N, H, W, C]
 * with 1 to 4 channels. If the graph begins with a Transpose to NCHW, as converted graphs do, that node is removed. Otherwise a
 * Transpose to NHWC is added. Inputs, nodes and tensors keep their names.
 *
 * @returns the graph itself if its input is not an NHWC image
 */
export function channelsFirst(graph: OnnxGraph): OnnxGraph {
  const [input] = graph.inputs;
  const shape = input?.shape;
  if (graph.inputs.length !== 1 || shape?.length !== 4 || !areChannels(shape[3]) || areChannels(shape[1])) return graph;
  const last = `${input.name}/channels_last`;
  const turned = new Set(graph.nodes.filter((node) => node.inputs[0] === input.name && bringsToFront(node)).map(({ outputs }) => outputs[0]));
  const rename = (name: string): string => (name === input.name ? last : turned.has(name) ? input.name : name);
  const nodes = graph.nodes.filter(({ outputs }) => !turned.has(outputs[0])).map((node) => ({ ...node, inputs: node.inputs.map(rename) }));
  const front: OnnxNode = {
    name: last, op: 'Transpose', domain: '', inputs: [input.name], outputs: [last], attributes: { perm: { kind: 'ints', value: TO_LAST } },
  };
  const [n, h, w, c] = shape;
  const needed = nodes.some(({ inputs }) => inputs.includes(last));
  return { ...graph, nodes: needed ? [front, ...nodes] : nodes, inputs: [{ ...input, shape: [n, c, h, w] }] };
}

function bringsToFront(node: OnnxNode): boolean {
  return node.op === 'Transpose' && intsAttribute(node, 'perm')?.every((axis, i) => axis === TO_FIRST[i]) === true;
}

/** Whether a dimension can be the number of channels of an image. */
function areChannels(dim: number | string | null): boolean {
  return typeof dim === 'number' && dim >= 1 && dim <= 4;
}
