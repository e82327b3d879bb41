import { NetworkGraph } from '../classifier/network.js';
import type { ModelSpec } from '../classifier/spec.js';
import { mergeSpecs, requireSpec, specSources } from '../classifier/spec.js';
import { naming, UserError } from '../errors.js';
import { readModel } from '../onnx/file/read.js';
import type { StudentSpec } from './spec.js';
import { STUDENT_KEY, STUDENT_LOGITS, studentSpecOf } from './spec.js';

/** A segmentation network that was trained on seeds. */
export interface Student {
  readonly path: string;
  /** Image [N, 3, H, W] in, `logits` [N, 1 + classes, ceil(H / 4), ceil(W / 4)] out: channel 0 is the background, c the class of label c. */
  readonly network: NetworkGraph;
  /** The preprocessing and the names of the classes without the background. */
  readonly spec: Pick<ModelSpec, 'channelOrder' | 'scale' | 'mean' | 'std' | 'classes'>;
  readonly student: StudentSpec;
}

/**
 * Reads a student that `train --mode segment` wrote.
 *
 * @param flags override the preprocessing and class names of its metadata
 * @throws UserError if the file is no student, or its output does not fit its classes
 */
export async function loadStudent(path: string, flags: Partial<ModelSpec> = {}): Promise<Student> {
  const model = await readModel(path);
  const student = studentSpecOf(model, path);
  if (student === undefined) {
    throw new UserError(`${path} is not a segmentation student: its metadata has no '${STUDENT_KEY}'`, 'train one with \'voc-seeds train --mode segment\'; a classifier belongs to --model');
  }
  const spec = requireSpec(mergeSpecs(await specSources(model, path, flags)), path, ['channelOrder', 'scale', 'mean', 'std', 'classes']);
  const network = naming(path, () => new NetworkGraph(model, STUDENT_LOGITS));
  const dims = network.shapes.dims(STUDENT_LOGITS);
  if (dims?.length !== 4 || dims[1] !== spec.classes.length + 1) {
    throw new UserError(
      `${path} has logits [${dims?.map((dim) => dim ?? '?').join(', ') ?? '?'}], but its ${spec.classes.length} classes and the background need [N, ${spec.classes.length + 1}, H / 4, W / 4]`,
      'train the student again',
    );
  }
  return { path, network, spec, student };
}
