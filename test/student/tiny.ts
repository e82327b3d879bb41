import { MODEL_SPEC_KEY } from '../../src/classifier/spec.js';
import { VOC } from '../../src/datasets/classes/voc.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { writeModel } from '../../src/onnx/file/write.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { DataType } from '../../src/onnx/tensor.js';
import type { StudentSpec } from '../../src/student/spec.js';
import { STUDENT_KEY, STUDENT_LOGITS } from '../../src/student/spec.js';
import { noise } from '../random.js';

export const tinyStudentSpec: StudentSpec = {
  kind: 'segmentation', short: 32, long: 48,
  training: { lists: ['voc:VOC2012 train'], images: 3, ids: 'abc', seeds: 'seeds', epochs: 1, seed: 0, network: 'def' },
};

/**
 * A student with random weights: two convolutions of stride 2, then 1x1 to the logits.
 *
 * @param classes names without the background
 */
export function tinyStudent(classes: readonly string[] = VOC.classes, student: StudentSpec = tinyStudentSpec): OnnxModel {
  const input = { name: 'input', type: DataType.float32, shape: ['N', 3, 'H', 'W'] };
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs: [input] });
  const weights = (dims: readonly number[], seed: number) => b.floats(noise(dims.reduce((x, y) => x * y), seed), dims);
  const half = { strides: [2, 2], pads: [1, 1, 1, 1] };
  const deep = b.relu(b.conv(b.relu(b.conv('input', weights([4, 3, 3, 3], 1), half)), weights([4, 4, 3, 3], 2), half));
  const labels = classes.length + 1;
  b.alias(b.conv(deep, weights([labels, 4, 1, 1], 3)), STUDENT_LOGITS);
  const preprocessing = { logits: STUDENT_LOGITS, channelOrder: 'rgb', scale: 1 / 255, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], classes };
  return {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: 'voc-seeds',
    metadata: new Map([[MODEL_SPEC_KEY, JSON.stringify(preprocessing)], [STUDENT_KEY, JSON.stringify(student)]]),
    graph: {
      name: 'student', nodes: b.nodes, initializers: b.initializers, inputs: [input],
      outputs: [{ name: STUDENT_LOGITS, type: DataType.float32, shape: ['N', labels, 'H4', 'W4'] }],
    },
  };
}

export async function writeTinyStudent(path: string, classes?: readonly string[], student?: StudentSpec): Promise<void> {
  await writeModel(path, tinyStudent(classes, student));
}
