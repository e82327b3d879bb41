import { parseModel } from '../../onnx/read.js';
import type { Runtime } from '../runtime.js';
import type { TfjsBackend } from './backend.js';
import { TfSession } from './session.js';

/** TensorFlow.js as a runtime. A thread has one backend at a time: all sessions of a thread share it. */
export function tfjsRuntime({ tf, description }: TfjsBackend): Runtime {
  const space = description.lastIndexOf(' ');
  return {
    name: description.slice(0, space),
    version: description.slice(space + 1),
    load: (model) => Promise.resolve(new TfSession(tf, parseModel(model, 'the graph'))),
  };
}
