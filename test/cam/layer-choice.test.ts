import { describe, expect, it } from 'vitest';
import { chooseLayers, parseLayerChoice } from '../../src/cam/layer-choice.js';
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
  it('says which maps are meant, the shallowest first', () => {
    const chosen = chooseLayers(graph, ['/32@grad-cam', '/8', '/32'], 'layer-cam');
    expect([...new Set(chosen.requests.map(({ layer }) => layer.name))]).toEqual(['b05_expand', 'head']);
    expect(chosen.names).toEqual(['b05_expand@layer-cam', 'head@grad-cam', 'head@layer-cam']);
    // Of one layer, Grad-CAM comes first: it was named first.
    expect(chosen.requests.map(({ layer, method }) => [layer.name, method])).toEqual([['b05_expand', 'layer-cam'], ['head', 'grad-cam'], ['head', 'layer-cam']]);
  });

  it('refuses a layer that is named twice', () => {
    expect(() => chooseLayers(graph, ['/32', 'head@layer-cam'], 'layer-cam')).toThrow(/named twice/);
  });
});
