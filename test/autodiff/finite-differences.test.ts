import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gradientRules } from '../../src/autodiff/rules/index.js';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { parseModel } from '../../src/onnx/file/read.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import type { RuntimeTensor } from '../../src/runtime/runtime.js';
import { loadCases } from '../fixtures/load.js';
import { relativeError } from '../helpers.js';
import { CLASSES, imageOf, modelOf, operatorCases, operatorsTested, STEPS } from '../operator-cases.js';
import { noise } from '../random.js';
import { gradientGraph, GRADIENT } from './gradient-graph.js';

/** The bar for every element of every gradient, relative to the largest. */
const TOLERANCE = 1e-4;

/** The five-point stencil, exact for polynomials of the fourth degree: offset in steps, weight per step. */
const STENCIL = [[-2, 1 / 12], [-1, -8 / 12], [1, 8 / 12], [2, -1 / 12]] as const;

/** d logit / d x of each element by finite differences, [K, elements]; all of them in one batch. */
async function differences(
  model: OnnxModel, shape: readonly number[], x: Float32Array, classes: readonly number[], step: number,
): Promise<Float32Array> {
  const session = await ortRuntime.load(serializeModel(model), { threads: 1 });
  const batch = new Float32Array(x.length * STENCIL.length * x.length);
  for (let i = 0; i < x.length; i++) {
    STENCIL.forEach(([offset], s) => {
      const image = batch.subarray((i * STENCIL.length + s) * x.length, (i * STENCIL.length + s + 1) * x.length);
      image.set(x);
      image[i] += offset * step;
    });
  }
  const { logits } = await session.run({ x: { type: 'float32', dims: [x.length * STENCIL.length, ...shape], data: batch } });
  await session.release();
  return Float32Array.from({ length: classes.length * x.length }, (_, at) => {
    const [k, i] = [Math.floor(at / x.length), at % x.length];
    const logit = (s: number): number => Number(logits.data[(i * STENCIL.length + s) * CLASSES + classes[k]]);
    return STENCIL.reduce((sum, [, weight], s) => sum + weight * logit(s), 0) / step;
  });
}

const bigints = (values: readonly number[]) => ({ type: 'int64' as const, dims: [values.length], data: BigInt64Array.from(values, BigInt) });

describe('every gradient rule agrees with finite differences of its operator', () => {
  it('every operator that has a rule is among the cases', () => {
    const covered = operatorsTested();
    expect([...gradientRules.keys()].filter((op) => !covered.has(op))).toEqual([]);
  });

  for (const testCase of operatorCases) {
    it(testCase.name, async () => {
      const { model } = modelOf(testCase);
      const { dims, data: x } = imageOf(testCase);
      const shape = dims.slice(1);
      const classes = [2, 0];
      const classifier = new ClassifierGraph(model, 'logits');
      const session = await ortRuntime.load(serializeModel(gradientGraph(classifier, ['x'])), { threads: 1 });
      const results = await session.run({ 'x': { type: 'float32', dims, data: x }, 'cam/classes': bigints(classes) });
      await session.release();
      const gradient = results[`${GRADIENT}x`];
      expect(gradient.dims).toEqual([classes.length, ...shape]);
      const expected = await differences(model, shape, x, classes, STEPS[testCase.kind]);
      const error = relativeError(gradient.data as Float32Array, expected);
      if (process.env.REPORT) process.stdout.write(`${testCase.kind} ${testCase.name}: ${error.toExponential(1)}\n`);
      expect(error).toBeLessThan(TOLERANCE);
    });
  }
});

/** One image per seed, as well as one image for all seeds. */
describe('a batch of images, each with a class of its own, gives what the images give alone', () => {
  for (const { name, modelPath, runs: [{ shape, input, classes }] } of loadCases('network').filter(({ fixedSize }) => !fixedSize)) {
    it(name, async () => {
      const session = await ortRuntime.load(
        serializeModel(gradientGraph(new ClassifierGraph(parseModel(readFileSync(modelPath)), 'logits'), ['input'])), { threads: 1 },
      );
      const images = [input, input.map((v, i) => v * Math.cos(i))];
      const gradientOf = async (list: readonly Float32Array[], of: readonly number[]): Promise<Float32Array> => {
        const data = Float32Array.from(list.flatMap((image) => [...image]));
        const results = await session.run({ 'input': { type: 'float32', dims: [list.length, ...shape.slice(1)], data }, 'cam/classes': bigints(of) });
        return results[`${GRADIENT}input`].data as Float32Array;
      };
      const together = await gradientOf(images, classes);
      for (const [i, image] of images.entries()) {
        const alone = await gradientOf([image], [classes[i]]);
        expect(relativeError(together.subarray(i * input.length, (i + 1) * input.length), alone)).toBeLessThan(1e-5);
      }
      await session.release();
    });
  }
});

/**
 * Networks have kinks everywhere, so a difference over a step long enough for float32 crosses some. The integral of the
 * gradient along a straight way from one image to another does not mind: it is the difference of the logits.
 */
describe('gradients of whole networks integrate to the difference of the logits', () => {
  // The gradient is all steps; the mean of this many points of it is good to about 3e-3.
  const POINTS = 400;
  for (const { name, modelPath, runs: [{ shape, input, classes }] } of loadCases('network')) {
    it(name, async () => {
      const model = parseModel(readFileSync(modelPath));
      const forward = await ortRuntime.load(serializeModel(model), { threads: 1 });
      const backward = await ortRuntime.load(serializeModel(gradientGraph(new ClassifierGraph(model, 'logits'), ['input'])), { threads: 1 });
      const way = noise(input.length, 3, 0.15);
      const at = (t: number): RuntimeTensor => ({ type: 'float32', dims: shape, data: input.map((v, i) => v + t * way[i]) });
      const [start, end] = [(await forward.run({ input: at(0) })).logits.data, (await forward.run({ input: at(1) })).logits.data];
      const slopes = classes.map(() => [] as number[]);
      for (let point = 0; point < POINTS; point++) {
        const results = await backward.run({ 'input': at((point + 0.5) / POINTS), 'cam/classes': bigints(classes) });
        const gradient = results[`${GRADIENT}input`].data as Float32Array;
        slopes.forEach((list, k) => list.push(way.reduce((sum, d, i) => sum + d * gradient[k * way.length + i], 0)));
      }
      await forward.release();
      await backward.release();
      slopes.forEach((list, k) => {
        const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / POINTS;
        const error = Math.abs(mean(list) - (Number(end[classes[k]]) - Number(start[classes[k]]))) / mean(list.map(Math.abs));
        if (process.env.REPORT) process.stdout.write(`integral ${name}: ${error.toExponential(1)}\n`);
        expect(error, `class ${classes[k]}`).toBeLessThan(1e-2);
      });
    });
  }
});
