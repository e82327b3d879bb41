import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serializeModel } from '../../src/onnx/file/write.js';
import { buildProductGraphs, ProductSessions } from '../../src/prototypes/products.js';
import { sphericalKMeans, startCentres } from '../../src/prototypes/spherical-kmeans.js';
import type { Points, Products } from '../../src/prototypes/spherical-kmeans.js';
import { randomSequence } from '../../src/random.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { relativeError } from '../helpers.js';
import { fixture, numbers } from './fixture.js';

const [count, channels] = fixture.points.shape;
const points: Points = { data: numbers(fixture.points), channels, count };
let sessions: ProductSessions;
let products: Products;

beforeAll(async () => {
  const { similarities, sums } = buildProductGraphs();
  sessions = await ProductSessions.load({ similarities: serializeModel(similarities), sums: serializeModel(sums) }, ortRuntime);
  products = sessions.of(points);
});
afterAll(() => sessions.release());

describe('spherical k-means from given centres', () => {
  it.each([[1, 'one'], [3, 'few'], [100, 'last']] as const)('has numpy\'s centres after at most %i steps', async (steps, name) => {
    const { centres } = await sphericalKMeans(points, numbers(fixture.start), steps, products);
    expect(relativeError(centres, numbers(fixture[name]))).toBeLessThan(1e-6);
  });

  it('gives points to the centres to which numpy and scikit-learn give them', async () => {
    const start = numbers(fixture.start);
    expect([...(await sphericalKMeans(points, start, 1, products)).owners]).toEqual([...numbers(fixture.firstOwners)]);
    expect([...(await sphericalKMeans(points, start, 100, products)).owners]).toEqual([...numbers(fixture.owners)]);
  });

  it('leaves a centre without points where it is', async () => {
    const data = Float32Array.of(1, 0, 1, 0, 0, 1);
    const own: Points = { data, channels: 2, count: 3 };
    const { centres, owners } = await sphericalKMeans(own, Float32Array.of(1, 0, 0, 1, -1, 0), 5, sessions.of(own));
    expect([...centres]).toEqual([1, 0, 0, 1, -1, 0]);
    expect([...owners]).toEqual([0, 0, 1]);
  });
});

describe('start centres', () => {
  it('are points, one in each of five groups that lie far apart', async () => {
    // Five directions at right angles, each with 40 equal points: all distances within a group are 0.
    const data = new Float32Array(200 * 5);
    for (let i = 0; i < 200; i++) data[i * 5 + Math.floor(i / 40)] = 1;
    const own: Points = { data, channels: 5, count: 200 };
    for (const seed of [1, 2, 3]) {
      const centres = await startCentres(own, 5, randomSequence(seed), sessions.of(own));
      const axes = Array.from({ length: 5 }, (_, c) => centres.subarray(c * 5, (c + 1) * 5).indexOf(1));
      expect([...axes].sort()).toEqual([0, 1, 2, 3, 4]);
    }
    // There are no more different points.
    expect(await startCentres(own, 8, randomSequence(1), sessions.of(own))).toHaveLength(25);
  });

  it('are drawn by squared distance', async () => {
    // From (1, 0), the squared distances of the other points are 2 - 2 cos: 2 and 0.4, so the first is drawn 5 times as often.
    const own: Points = { data: Float32Array.of(1, 0, 0, 1, 0.8, 0.6), channels: 2, count: 3 };
    let first = 0;
    const random = randomSequence(5);
    const trials = 1200;
    for (let i = 0; i < trials; i++) {
      const draws = [0, random()];
      const centres = await startCentres(own, 2, () => draws.shift()!, sessions.of(own));
      if (centres[3] === 1) first++;
    }
    // Three standard deviations of a binomial with p = 5/6 around 1000 are 39.
    expect(Math.abs(first - 1000)).toBeLessThan(39);
  });
});

describe('products', () => {
  it('are the same in several blocks', async () => {
    const data = new Float32Array(5000 * 3).map((_, i) => Math.sin(i));
    const own = sessions.of({ data, channels: 3, count: 5000 });
    const all = await own.similarities(Float32Array.of(1, 0, 0, 0.5, 2, -1));
    expect(all).toHaveLength(10_000);
    for (const i of [0, 4095, 4096, 4999]) {
      expect(all[2 * i]).toBeCloseTo(data[3 * i], 6);
      expect(all[2 * i + 1]).toBeCloseTo(0.5 * data[3 * i] + 2 * data[3 * i + 1] - data[3 * i + 2], 5);
    }
    // Every 50th point, a hundred of them, belongs to the second of three centres, the others to the first.
    const sums = await own.sums(Int32Array.from({ length: 5000 }, (_, i) => (i % 50 === 0 ? 1 : 0)), 3);
    let [every, hundred] = [0, 0];
    for (let i = 0; i < 5000; i++) {
      if (i % 50 === 0) hundred += data[3 * i];
      else every += data[3 * i];
    }
    expect(sums[0]).toBeCloseTo(every, 3);
    expect(sums[3]).toBeCloseTo(hundred, 4);
    expect([...sums.subarray(6)]).toEqual([0, 0, 0]);
  });
});
