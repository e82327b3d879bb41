import { parseModel } from '../../onnx/file/read.js';
import type { Runtime } from '../runtime.js';
import type { TfjsBackend } from './backend.js';
import { TfSession } from './session.js';

/** TensorFlow.js as a runtime, named after the package of its backend. The backend chooses the number of threads itself. */
export function tfjsRuntime({ tf, device, name, packageName, version }: TfjsBackend): Runtime {
  return {
    name: packageName, version, device,
    load: (model) => Promise.resolve().then(() => new TfSession(tf, name, parseModel(model, 'the graph'))),
  };
}
