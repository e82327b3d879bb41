import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../../src/classifier/classifier.js';
import type { GraphBuilder, Value } from '../../../src/onnx/builder.js';
import { CHANNELS, CLASSES, deviation, linearHead, mapsOf, random, smallModel } from '../small-model.js';

const BATCH = 8;
const SIZE = [12, 16] as const;
const POSITIONS = 6 * 8;

type Rest = (b: GraphBuilder, features: Value, batch: number) => Value;

/** The fully connected head of a network that was exported for a number of images: -1 stands for a free one. */
const connected: Rest = (b, x, batch) => (
  b.alias(b.gemm(b.reshape(x, batch === -1 ? [0, -1] : [batch, -1]), random(b, 4, CLASSES, CHANNELS * POSITIONS), { transB: 1 }), 'logits'));

/** Self-attention in two heads, with a class token that is repeated for every image. */
const attention: Rest = (b, x, batch) => {
  const lead = batch === -1 ? 0 : batch;
  const tokens = b.transpose(b.reshape(x, [lead, CHANNELS, POSITIONS]), [0, 2, 1]);
  const token = random(b, 5, 1, 1, CHANNELS);
  const repeated = batch === -1
    ? b.expand(token, b.concat([b.shape('input', 0, 1), b.ints([1, CHANNELS])], 0))
    : b.expand(token, b.ints([batch, 1, CHANNELS]));
  const all = b.concat([repeated, tokens], 1);
  const heads = b.transpose(b.reshape(all, [lead, POSITIONS + 1, 2, CHANNELS / 2]), [0, 2, 1, 3]);
  const flat = b.reshape(heads, batch === -1 ? [-1, POSITIONS + 1, CHANNELS / 2] : [batch * 2, POSITIONS + 1, CHANNELS / 2]);
  const weights = b.node('Softmax', [b.matmul(flat, b.transpose(flat, [0, 2, 1]))], { axis: -1 });
  const mixed = b.reshape(b.matmul(weights, flat), [batch, 2, POSITIONS + 1, CHANNELS / 2]);
  const joined = b.reshape(b.transpose(mixed, [0, 2, 1, 3]), [lead, POSITIONS + 1, CHANNELS]);
  const first = b.gather(joined, b.ints(0), 1);
  return b.alias(b.gemm(first, random(b, 6, CLASSES, CHANNELS), { transB: 1 }), 'logits');
};

const modelOf = (rest: Rest, batch: number) => smallModel((b, x) => rest(b, x, batch), { shape: [batch === -1 ? 'N' : batch, 3, ...SIZE] });

describe('a fixed batch', () => {
  it.each<[string, Rest]>([
    ['that only the input declares', (b, x) => linearHead(b, x)],
    ['in the shape that a head is given', connected],
    ['in the shapes of attention, and where a class token is repeated', attention],
  ])('%s is freed: the maps of several classes are those of the free twin', async (_, rest) => {
    const fixed = modelOf(rest, BATCH);
    expect(new ClassifierGraph(fixed, 'logits').declaredBatch).toBe(BATCH);
    expect(new ClassifierGraph(modelOf(rest, -1), 'logits').declaredBatch).toBeUndefined();
    const [ours, twins] = [await mapsOf(fixed, 'logits', ['feat_a'], SIZE, [0, 2, 4]), await mapsOf(modelOf(rest, -1), 'logits', ['feat_a'], SIZE, [0, 2, 4])];
    expect(twins.logits.some((value) => value !== 0)).toBe(true);
    expect(deviation(ours.logits, twins.logits)).toBeLessThan(1e-6);
    expect(deviation(ours.maps[0].data, twins.maps[0].data)).toBeLessThan(1e-5);
  });

  it.each<[string, Rest]>([
    ['images that are mixed', (b, x) => b.alias(b.matmul(random(b, 7, BATCH, BATCH), b.reshape(x, [BATCH, -1])), 'logits')],
    ['a weight for each image', (b, x) => b.alias(b.reshape(b.add(b.reshape(x, [BATCH, -1]), random(b, 8, BATCH, 1)), [BATCH, -1]), 'logits')],
    ['a batch that is folded behind another axis', (b, x) => {
      const rows = b.reshape(b.transpose(b.reshape(x, [BATCH, CHANNELS, POSITIONS]), [2, 0, 1]), [POSITIONS * BATCH, CHANNELS]);
      return b.alias(b.reduceMean(b.reshape(b.relu(rows), [POSITIONS, BATCH, CHANNELS]), [0], false), 'logits');
    }],
  ])('%s is refused with what to do', (_, rest) => {
    expect(() => new ClassifierGraph(modelOf(rest, BATCH), 'logits')).toThrow(/^the model only works on 8 images at once: /);
  });

  it('of one is no obstacle', () => {
    expect(new ClassifierGraph(modelOf(connected, 1), 'logits').declaredBatch).toBeUndefined();
  });
});
