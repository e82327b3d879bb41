import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import type { GraphBuilder, Value } from '../../src/onnx/builder.js';
import { finalActivation } from '../../src/classifier/final-activation.js';
import { DataType } from '../../src/onnx/tensor.js';
import { CLASSES, computed, deviation, linearHead, mapsOf, smallModel } from '../onnx/small-model.js';

type End = (b: GraphBuilder, logits: Value) => Value;

const softmax: End = (b, x) => b.node('Softmax', [x], { axis: 1 });
const sigmoid: End = (b, x) => b.sigmoid(x);
const sum = (b: GraphBuilder, x: Value): Value => b.reduceSum(x, [1]);
const centred: End = (b, x) => b.sub(x, b.node('ReduceMax', [x, b.ints([1])], { keepdims: 1 }));

const withEnd = (end: End, opset = 18) => smallModel((b, features) => b.alias(end(b, linearHead(b, features)), 'probs'), { opset });

/** Ends as exporters write them; all of them are a function of `logits`. */
const ends: Readonly<Record<string, [op: string, end: End]>> = {
  'Softmax': ['Softmax', softmax],
  'Sigmoid': ['Sigmoid', sigmoid],
  'HardSigmoid': ['HardSigmoid', (b, x) => b.node('HardSigmoid', [x])],
  'LogSoftmax': ['LogSoftmax', (b, x) => b.node('LogSoftmax', [x], { axis: 1 })],
  'exponentials over their sum': ['Softmax', (b, x) => { const e = b.exp(x); return b.div(e, sum(b, e)); }],
  'the same with the largest taken off first': ['Softmax', (b, x) => { const e = b.exp(centred(b, x)); return b.div(e, sum(b, e)); }],
  'the logarithm of Softmax': ['Softmax', (b, x) => b.node('Log', [softmax(b, x)])],
  'the logarithm of probabilities held off zero': ['Softmax', (b, x) => b.node('Log', [b.add(softmax(b, x), b.floats(1e-7))])],
  'probabilities held within limits': ['Sigmoid', (b, x) => b.node('Clip', [sigmoid(b, x), b.floats(1e-7), b.floats(1)])],
  'a difference of logarithms': ['LogSoftmax', (b, x) => b.sub(x, b.node('ReduceLogSumExp', [x, b.ints([1])], { keepdims: 1 }))],
  'the same, with the largest taken off first': ['LogSoftmax', (b, x) => { const c = centred(b, x); return b.sub(c, b.node('Log', [sum(b, b.exp(c))])); }],
  '1 / (1 + exp(-x))': ['Sigmoid', (b, x) => b.div(b.floats(1), b.add(b.exp(b.neg(x)), b.floats(1)))],
  'the reciprocal of 1 + exp(-x)': ['Sigmoid', (b, x) => b.node('Reciprocal', [b.add(b.floats(1), b.exp(b.neg(x)))])],
  'Softmax that is brought into shape': ['Softmax', (b, x) => b.node('Dropout', [b.reshape(b.cast(b.node('Flatten', [softmax(b, x)]), DataType.float32), [-1, CLASSES])])],
  'Softmax of Softmax': ['Softmax', (b, x) => softmax(b, softmax(b, x))],
};

describe('an output behind an activation function', () => {
  for (const [name, [op, end]] of Object.entries(ends)) {
    it(`${name}: the tensor before it is taken`, () => {
      const { logits, activation, classCount } = new ClassifierGraph(withEnd(end), 'probs');
      expect([logits, classCount, activation?.of]).toEqual(['logits', CLASSES, 'probs']);
      expect(activation?.op).toBe(op);
    });
  }

  it('Softmax of an old operator set, which saw a matrix', () => {
    expect(new ClassifierGraph(withEnd(softmax, 11), 'probs').logits).toBe('logits');
  });

  it('gives the maps and logits of the tensor before it', async () => {
    const model = withEnd(softmax);
    const size = [12, 16] as const;
    const [probabilities, scores] = [await mapsOf(model, 'probs', ['feat_a'], size, [0, 3]), await mapsOf(model, 'logits', ['feat_a'], size, [0, 3])];
    expect(Array.from(probabilities.logits)).toEqual(Array.from(scores.logits));
    expect(deviation(probabilities.logits, await computed(model, 'logits', size))).toBeLessThan(1e-6);
    expect(Array.from(probabilities.maps[0].data)).toEqual(Array.from(scores.maps[0].data));
  });

  it('scores that are brought into shape only behind it keep its name, without it', async () => {
    const model = smallModel((b, features) => {
      const rows = b.alias(b.reshape(linearHead(b, features), [-1, 1, CLASSES]), 'rows');
      return b.alias(b.squeeze(b.node('Softmax', [rows], { axis: 2 }), [1]), 'probs');
    });
    const size = [12, 16] as const;
    expect(new ClassifierGraph(model, 'probs').activation?.before).toBe('rows');
    expect(deviation((await mapsOf(model, 'probs', ['feat_a'], size, [1])).logits, await computed(model, 'logits', size))).toBeLessThan(1e-6);
  });
});

describe('heads with an activation each', () => {
  const heads = (first: End, second: End) => smallModel((b, features) => {
    const logits = linearHead(b, features);
    const parts = b.nodeWithOutputs('Split', [logits, b.ints([2, 3])], 2, { axis: 1 });
    return b.alias(b.concat([first(b, parts[0]), second(b, parts[1])], 1), 'probs');
  });

  it('side by side: all are taken out', async () => {
    const model = heads(sigmoid, sigmoid);
    const size = [12, 16] as const;
    expect(new ClassifierGraph(model, 'probs').activation?.op).toBe('Sigmoid');
    expect(deviation((await mapsOf(model, 'probs', ['feat_a'], size, [1])).logits, await computed(model, 'logits', size))).toBeLessThan(1e-6);
  });

  it('one of which has none are left alone', () => {
    expect(new ClassifierGraph(heads(sigmoid, (_, x) => x), 'probs').activation).toBeUndefined();
  });
});

describe('what is not one', () => {
  it.each<[string, End]>([
    ['a gate', (b, x) => b.mul(x, sigmoid(b, x))],
    ['attention further inside', (b, x) => b.gemm(softmax(b, x), b.floats(Array.from({ length: CLASSES ** 2 }, (_, i) => i), [CLASSES, CLASSES]))],
    ['a quotient that is no Softmax', (b, x) => b.div(b.exp(x), sum(b, b.exp(b.neg(x))))],
    ['a difference', (b, x) => centred(b, x)],
    ['a constant added', (b, x) => b.add(x, b.floats(1))],
  ])('%s', (_, end) => {
    const model = withEnd(end);
    expect(finalActivation(model.graph, 'probs')).toBeUndefined();
    expect(new ClassifierGraph(model, 'probs').logits).toBe('probs');
  });
});
