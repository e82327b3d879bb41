import { dilate } from '../../classifier/dilate/dilate.js';
import { NetworkGraph } from '../../classifier/network.js';
import { networkNotes } from '../../classifier/notes.js';
import type { ModelSpec } from '../../classifier/spec.js';
import { mergeSpecs, MODEL_SPEC_KEY, requireSpec, specSources } from '../../classifier/spec.js';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import { naming, UserError } from '../../errors.js';
import { hashFile } from '../../jobs/files/hash.js';
import { readModel } from '../../onnx/file/read.js';
import type { TrainConfig } from '../../settings/train.js';
import type { StudentSpec } from '../../student/spec.js';
import { STUDENT_KEY, STUDENT_LOGITS } from '../../student/spec.js';
import type { Stages } from '../segment/stages.js';
import { stagesOf } from '../segment/stages.js';
import { CELL } from '../segment/targets.js';

/** The network that a student is built on. */
export interface StudentBackbone {
  readonly network: NetworkGraph;
  readonly spec: Pick<ModelSpec, 'channelOrder' | 'scale' | 'mean' | 'std'>;
  /** SHA-256 of the file, and how it was changed. */
  readonly hash: string;
  readonly stages: Stages;
  /** The size of photographs. */
  readonly view: Pick<StudentSpec, 'short' | 'long'>;
}

/**
 * Opens a backbone, with its last stages at another stride if the settings ask for one.
 *
 * @param given values that are not in its file, for instance its preprocessing
 * @throws UserError if it cannot be read, works at one size only, has not the feature maps, or its preprocessing is unknown
 */
export async function openStudentBackbone(
  path: string, { outputStride, trainFrom, viewSize }: TrainConfig, given: Partial<ModelSpec>, onMessage?: (text: string) => void,
): Promise<StudentBackbone> {
  const model = await readModel(path);
  const spec = requireSpec(mergeSpecs(await specSources(model, path, given)), path, ['channelOrder', 'scale', 'mean', 'std']);
  const whole = naming(path, () => new NetworkGraph(model, spec.logits ?? model.graph.outputs[0]?.name ?? '', spec.inputSize));
  for (const note of networkNotes(path, whole)) onMessage?.(`note: ${note}`);
  const { fixedSize } = whole.input;
  if (fixedSize !== undefined) {
    throw new UserError(
      `${path} works at ${fixedSize.join('x')} pixels only, but a student sees photographs in landscape and upright`,
      'export the network with a free image size',
    );
  }
  const network = outputStride === undefined ? whole : new NetworkGraph(dilate(whole, outputStride), whole.target);
  const stages = naming(path, () => stagesOf(network, trainFrom));
  const { laterals, frozen } = stages;
  const names = laterals.map(({ name, stride }) => `${name} (/${stride})`).join(', ');
  onMessage?.(`decoder on ${names}; layers up to ${frozen.name} stay as they are`);
  return {
    network, spec, stages, view: viewOf(viewSize, laterals[laterals.length - 1].stride),
    hash: `${await hashFile(path)}${outputStride === undefined ? '' : ` stride ${outputStride}`}`,
  };
}

/** @throws UserError if a side is not a multiple of the deepest stride, or the sides are in the wrong order */
function viewOf([short, long]: TrainConfig['viewSize'], stride: number): StudentBackbone['view'] {
  const given = `--view-size ${short},${long}`;
  if (short > long) throw new UserError(`${given} has the long side first`, `write --view-size ${long},${short}`);
  const step = Math.max(stride, CELL);
  const odd = [short, long].find((side) => side % step !== 0);
  if (odd !== undefined) {
    const near = Math.max(1, Math.round(odd / step)) * step;
    throw new UserError(`${given}: ${odd} is not a multiple of ${step}, the stride of the deepest feature map`, `use ${near}`);
  }
  return { short, long };
}

/** The metadata of a student: its preprocessing and classes as classifiers have them, and what it is. */
export function studentMetadata(
  { channelOrder, scale, mean, std }: StudentBackbone['spec'], { classes }: ClassSet, student: StudentSpec,
): ReadonlyMap<string, string> {
  return new Map([
    [MODEL_SPEC_KEY, JSON.stringify({ logits: STUDENT_LOGITS, channelOrder, scale, mean, std, classes })],
    [STUDENT_KEY, JSON.stringify(student)],
  ]);
}
