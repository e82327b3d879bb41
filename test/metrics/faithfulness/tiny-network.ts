import { join } from 'node:path';
import { buildActivationGraph } from '../../../src/cam/channel-graphs.js';
import { ClassifierGraph } from '../../../src/classifier/classifier.js';
import { ForwardPass } from '../../../src/faithfulness/forward.js';
import { readModel } from '../../../src/onnx/file/read.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import { repository } from '../../helpers.js';

/** The network of test/fixtures/faithfulness. */
export async function forwardPass(batch: number): Promise<ForwardPass> {
  const classifier = new ClassifierGraph(await readModel(join(repository, 'test/fixtures/faithfulness/network.onnx')), 'logits');
  return ForwardPass.load(serializeModel(buildActivationGraph(classifier, [])), 'input', batch, ortRuntime, { threads: 1 });
}

/** The float32 numbers of a fixture. */
export function floats(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}
