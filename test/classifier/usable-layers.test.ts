import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { unusableLayers } from '../../src/classifier/usable-layers.js';
import { linearHead, mapsOf, smallModel } from '../onnx/small-model.js';

describe('layers that no gradient reaches', () => {
  // ThresholdedRelu has no gradient rule.
  const model = smallModel((b, x) => linearHead(b, b.relu(b.alias(b.node('ThresholdedRelu', [x]), 'odd'))));

  it('are told with the reason, and those above are not', async () => {
    const unusable = unusableLayers(new ClassifierGraph(model, 'logits'));
    expect([...unusable.keys()].filter((name) => name.startsWith('feat') || name === 'odd')).toEqual(['feat_a']);
    expect(unusable.get('feat_a')).toContain('the operator ThresholdedRelu has no gradient rule');
    await expect(mapsOf(model, 'logits', ['odd'], [8, 8], [0])).resolves.toBeDefined();
    await expect(mapsOf(model, 'logits', ['feat_a'], [8, 8], [0])).rejects.toThrow(/ThresholdedRelu has no gradient rule/);
  });

  it('there are none in a network of known operators', () => {
    expect(unusableLayers(new ClassifierGraph(smallModel(linearHead), 'logits')).size).toBe(0);
  });

  it('a weight that is computed by an operator that is not folded', () => {
    const computed = smallModel((b, x) => linearHead(b, b.conv(x, b.node('Erf', [b.floats([0.1, 0.2, 0.3, 0.4], [4, 1, 1, 1])]), { group: 4 })));
    const unusable = unusableLayers(new ClassifierGraph(computed, 'logits'));
    expect(unusable.get('feat_a')).toMatch(/its weight '.+' is computed, not constant/);
    expect(unusable.has('feat_b')).toBe(false);
  });
});
