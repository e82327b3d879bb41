import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { withExplicitPads } from '../../../src/onnx/rewrite/explicit-pads.js';
import type { OnnxGraph } from '../../../src/onnx/model.js';
import { OnnxTensor } from '../../../src/onnx/tensor.js';

/** One convolution of a kernel with the given attributes. */
function convolution(kernel: readonly number[], attributes: { readonly [name: string]: number[] | string }): OnnxGraph {
  const b = new GraphBuilder();
  b.reserve('x');
  const w = b.constant(OnnxTensor.float32([1, 1, ...kernel], new Float32Array(kernel[0] * kernel[1])));
  b.node('Conv', ['x', w], attributes);
  return { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs: [], outputs: [] };
}

const padsOf = (graph: OnnxGraph): unknown => withExplicitPads(graph).nodes[0].attributes.pads?.value;

describe('withExplicitPads', () => {
  // A kernel of 3 dilated by 2 spans 5 pixels, which takes 4 pixels of padding, 2 at each end; one of 2 dilated by 3
  // spans 4, which takes 3: the odd one goes to the end for SAME_UPPER and to the beginning for SAME_LOWER.
  it('states what SAME means for a dilated window', () => {
    expect(padsOf(convolution([3, 3], { auto_pad: 'SAME_UPPER', dilations: [2, 2] }))).toEqual([2, 2, 2, 2]);
    expect(padsOf(convolution([2, 3], { auto_pad: 'SAME_UPPER', dilations: [3, 1] }))).toEqual([1, 1, 2, 1]);
    expect(padsOf(convolution([2, 3], { auto_pad: 'SAME_LOWER', dilations: [3, 1] }))).toEqual([2, 1, 1, 1]);
    expect(withExplicitPads(convolution([3, 3], { auto_pad: 'SAME_UPPER', dilations: [2, 2] })).nodes[0].attributes.auto_pad).toBeUndefined();
  });

  it('leaves alone what depends on the image, and what runtimes understand', () => {
    for (const attributes of [
      { auto_pad: 'SAME_UPPER', dilations: [2, 2], strides: [2, 2] }, { auto_pad: 'SAME_UPPER' }, { auto_pad: 'VALID', dilations: [2, 2] },
      { pads: [1, 2, 3, 4], dilations: [2, 2] },
    ] as { [name: string]: number[] | string }[]) {
      const graph = convolution([3, 3], attributes);
      expect(withExplicitPads(graph).nodes).toEqual(graph.nodes);
    }
  });
});
