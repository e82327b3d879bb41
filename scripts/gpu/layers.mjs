// Prints the layers of the bundled classifier that the benchmark uses.
import { ClassifierGraph } from '../../dist/entries/cam.js';
import { readModel } from '../../dist/entries/onnx.js';
import { defaultModelPath } from '../../dist/package.js';

const classifier = new ClassifierGraph(await readModel(defaultModelPath()), 'logits');
console.log(classifier.resolveLayers(['/8', '/16', '/32']).map(({ name }) => name).join(','));
