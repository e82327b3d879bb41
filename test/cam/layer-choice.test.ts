import { describe, expect, it } from 'vitest';
import { chooseLayers, parseLayerChoice, pickMaps } from '../../src/cam/layer-choice.js';
import { loadClassifier } from '../../src/classifier/load.js';
import { defaultModelPath } from '../../src/package.js';

const { graph } = await loadClassifier(defaultModelPath());

describe('parseLayerChoice', () => {
  it.each([
    ['/16', '/16', 'layer-cam'], ['/32@grad-cam', '/32', 'grad-cam'], ['block.3/relu@hires-cam', 'block.3/relu', 'hires-cam'],
    ['odd@name', 'odd@name', 'layer-cam'], ['odd@name@xgrad-cam', 'odd@name', 'xgrad-cam'],
  ])('%s', (text, layer, method) => {
    expect(parseLayerChoice(text, 'layer-cam')).toEqual({ layer, method });
  });
});

describe('chooseLayers', () => {
  it('computes each layer and method once, and says which maps are meant', () => {
    const chosen = chooseLayers(graph, ['/32@grad-cam', '/8', '/32'], 'layer-cam');
    expect(chosen.layers.map(({ name }) => name)).toEqual(['b05_expand', 'head']);
    expect(chosen.names).toEqual(['b05_expand@layer-cam', 'head@grad-cam', 'head@layer-cam']);
    const map = (value: number): { height: number; width: number; data: Float32Array } => ({ height: 1, width: 1, data: Float32Array.of(value) });
    // [method][layer], in the order of chosen.methods: Grad-CAM was named first.
    expect(chosen.methods).toEqual(['grad-cam', 'layer-cam']);
    expect(pickMaps([[map(1), map(2)], [map(3), map(4)]], chosen.picks).map(({ data }) => data[0])).toEqual([3, 2, 4]);
  });

  it('refuses a layer that is named twice', () => {
    expect(() => chooseLayers(graph, ['/32', 'head@layer-cam'], 'layer-cam')).toThrow(/named twice/);
  });
});
