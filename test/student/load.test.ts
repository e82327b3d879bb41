import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VOC } from '../../src/datasets/classes/voc.js';
import { writeModel } from '../../src/onnx/file/write.js';
import { loadStudent } from '../../src/student/load.js';
import { hashOfIds, STUDENT_KEY, studentInputSize } from '../../src/student/spec.js';
import { writeTinyClassifier } from '../pipeline/tiny.js';
import { tinyStudent, tinyStudentSpec, writeTinyStudent } from './tiny.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-student-')); });
afterAll(() => rm(folder, { recursive: true }));

describe('the file of a student', () => {
  it('says what it is, and has logits at a quarter of the size', async () => {
    const path = join(folder, 'student.onnx');
    await writeTinyStudent(path);
    const { network, spec, student } = await loadStudent(path);
    expect(student).toEqual(tinyStudentSpec);
    expect(spec.classes).toEqual(VOC.classes);
    expect(spec).toMatchObject({ channelOrder: 'rgb', scale: 1 / 255 });
    expect(network.shapes.dims('logits')).toEqual([null, 21, null, null]);
    expect(network.shapes.stride('logits')).toEqual([4, 4]);
  });

  it('is not a classifier', async () => {
    const path = join(folder, 'classifier.onnx');
    await writeTinyClassifier(path, { classes: ['one', 'two'] });
    await expect(loadStudent(path)).rejects.toThrow(`${path} is not a segmentation student`);
  });

  it('is refused if its metadata or its output is wrong', async () => {
    const path = join(folder, 'wrong.onnx');
    const model = tinyStudent();
    for (const [text, message] of [['{', 'is not valid'], ['{"kind":"other"}', 'kind: ']]) {
      await writeModel(path, { ...model, metadata: new Map([...model.metadata, [STUDENT_KEY, text]]) });
      await expect(loadStudent(path)).rejects.toThrow(message);
    }
    await writeModel(path, tinyStudent(['one', 'two']));
    await expect(loadStudent(path, { classes: ['one'] })).rejects.toThrow(`${path} has logits [?, 3, ?, ?], but its 1 classes and the background need [N, 2, H / 4, W / 4]`);
  });
});

describe('the photographs of a student', () => {
  it('have their long side along the long side of the input', () => {
    expect(studentInputSize([500, 375], { short: 320, long: 448 })).toEqual([448, 320]);
    expect(studentInputSize([375, 500], { short: 320, long: 448 })).toEqual([320, 448]);
    expect(studentInputSize([400, 400], { short: 320, long: 448 })).toEqual([320, 448]);
  });

  it('are known by a hash of their ids in any order', () => {
    expect(hashOfIds(['b', 'a'])).toBe(createHash('sha256').update('a\nb').digest('hex'));
    expect(hashOfIds(['b', 'a'])).toBe(hashOfIds(['a', 'b']));
  });
});
