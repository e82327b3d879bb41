import { describe, expect, it } from 'vitest';
import { NetworkGraph } from '../../../src/classifier/network.js';
import { readModel } from '../../../src/onnx/file/read.js';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { sizeOf } from '../../../src/onnx/tensor.js';
import { defaultModelPath } from '../../../src/package.js';
import { buildStudent, studentParameters } from '../../../src/train/segment/decoder.js';
import { cachedTensors } from '../../../src/train/segment/pass.js';
import { stagesOf } from '../../../src/train/segment/stages.js';
import { refusal } from '../../helpers.js';

const network = new NetworkGraph(await readModel(defaultModelPath()), 'logits');

function studentOf(): OnnxModel {
  return buildStudent(network, stagesOf(network).laterals.map((layer) => ({ layer, deviation: 2 })), 21, 0, new Map());
}

describe('the student of the bundled classifier', () => {
  it('reads the outputs of the blocks 2, 4, 10 and 15, and trains the blocks 14 and 15', () => {
    const { laterals, frozen } = stagesOf(network);
    expect(laterals.map(({ name, stride, channels }) => [name, stride, channels])).toEqual([
      ['b02_add', 4, 24], ['b04_add', 8, 40], ['b10_add', 16, 112], ['b15_project', 32, 320],
    ]);
    expect(frozen.name).toBe('b13_add');
    expect(stagesOf(network, 'b12_add').frozen.name).toBe('b12_add');
    expect(refusal(() => stagesOf(network, '/32')).message).toContain('--train-from head is above \'b15_project\'');
    expect(refusal(() => stagesOf(network, 'b99')).message).toContain('no feature layer called \'b99\'');
  });

  it('has the size of the one that was studied: 1.08 million weights of the network, 0.117 of the decoder', () => {
    const student = new NetworkGraph(studentOf(), 'logits', [320, 448]);
    expect(student.shapes.dims('logits')).toEqual([null, 21, 80, 112]);
    const sums = { top: 0, decoder: 0 };
    for (const { head, dims } of studentParameters(student, { name: 'b13_add' })) sums[head ? 'decoder' : 'top'] += sizeOf(dims);
    expect((sums.top / 1e6).toFixed(2)).toBe('1.08');
    expect((sums.decoder / 1e6).toFixed(3)).toBe('0.117');
    // A view is 788,480 bytes.
    const cached = cachedTensors(student, 'b13_add', [320, 448]);
    expect(cached.map(({ name }) => name).sort()).toEqual(['b02_add', 'b04_add', 'b10_add', 'b13_add']);
    expect(2 * cached.reduce((sum, { dims }) => sum + sizeOf(dims), 0)).toBe(788_480);
  });

  it('depends on its seed alone, and takes images of any size', () => {
    const bytes = (model: OnnxModel): Buffer => Buffer.concat([...model.graph.initializers.values()].map((tensor) => tensor.bytes));
    expect(bytes(studentOf()).equals(bytes(studentOf()))).toBe(true);
    const { shapes } = new NetworkGraph(studentOf(), 'logits');
    expect(shapes.dims('logits')).toEqual([null, 21, null, null]);
    expect(shapes.stride('logits')).toEqual([4, 4]);
  });
});
