import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { FeatureLayer } from '../../src/classifier/layers.js';
import { NetworkGraph } from '../../src/classifier/network.js';
import { readModel } from '../../src/onnx/file/read.js';
import { DataType } from '../../src/onnx/tensor.js';
import { repository } from '../helpers.js';
import { noise } from '../random.js';

const tokensOf = (layers: readonly FeatureLayer[]): FeatureLayer[] => layers.filter(({ arrangement }) => arrangement.kind === 'tokens');

describe('the tokens of a vision transformer are feature maps', () => {
  it('with a class token: up to the input of the last attention, behind which only that token counts', async () => {
    const { layers } = new NetworkGraph(await readModel(resolve(repository, 'test/fixtures/conformance/vit.onnx')), 'logits');
    const tokens = tokensOf(layers);
    // 64 pixels in patches of 16, three encoder layers.
    expect(tokens.at(-1)?.name).toBe('/encoder/layers/encoder_layer_2/ln_1/LayerNormalization_output_0');
    const joined = tokens.find(({ name }) => name === '/Concat_output_0');
    expect(joined).toMatchObject({ channels: 12, stride: 16, cut: true, arrangement: { kind: 'tokens', first: 1, grid: [4, 4] } });
    expect(tokens.filter(({ ending, cut }) => ending === 'join' && cut).map(({ name }) => name)).toEqual(
      ['layer_0/Add', 'layer_0/Add_1', 'layer_1/Add', 'layer_1/Add_1'].map((part) => `/encoder/layers/encoder_${part}_output_0`),
    );
  });

  it('without one, and made of patches by a reshape: by the grid that is given', () => {
    const inputs = [{ name: 'x', type: DataType.float32, shape: [1, 3, 8, 12] }];
    const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
    // [1, 3, 2, 4, 3, 4] -> [1, 2, 3, 3, 4, 4] -> [1, 6, 48]
    const patches = b.reshape(b.transpose(b.reshape('x', [1, 3, 2, 4, 3, 4]), [0, 2, 4, 1, 3, 5]), [1, 6, 48]);
    const tokens = b.relu(b.matmul(patches, b.floats(noise(48 * 5, 1), [48, 5])));
    b.alias(b.reduceMean(tokens, [1], false), 'logits');
    const graph = { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs, outputs: [] };
    const model = { irVersion: 8, opset: 18, otherOpsets: new Map<string, number>(), producer: '', metadata: new Map<string, string>(), graph };
    expect(tokensOf(new NetworkGraph(model, 'logits').layers)).toEqual([]);
    const [last] = tokensOf(new NetworkGraph(model, 'logits', undefined, [2, 3]).layers).reverse();
    expect(last).toMatchObject({ name: tokens, channels: 5, stride: 4, ending: 'activation', arrangement: { kind: 'tokens', first: 0, grid: [2, 3] } });
  });
});
