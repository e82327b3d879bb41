import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../errors.js';
import { refuseInputs } from '../../jobs/journal/own-folder.js';
import { readModel } from '../../onnx/file/read.js';
import type { OnnxModel } from '../../onnx/model.js';
import type { EpochResult } from '../checkpoint.js';
import { scoreOf } from '../training-loop.js';

/** The models of the last epoch and of the best one, in the folder of the run. */
const MODELS = ['last.onnx', 'best.onnx'];

/** @throws UserError if the run would overwrite files in the folder that are not its own */
export async function requireWorkFolder(folder: string, backbone: string, resume: boolean): Promise<void> {
  await refuseInputs({ out: folder, flag: '--work', folders: [], files: MODELS.map((name) => join(folder, name)), inputs: [backbone] });
  const names = new Set(await readdir(folder).catch(() => []));
  const [model] = MODELS.filter((name) => names.has(name));
  if (resume && model !== undefined && !names.has('checkpoint') && !names.has('log.jsonl')) {
    throw new UserError(`${join(folder, model)} would be overwritten, but there is no checkpoint next to it to continue from`, 'choose another --work folder, or start over with --no-resume');
  }
}

/** The weights of an epoch, and their scores on the validation list if this run computed them. */
export interface Kept<Scores> {
  readonly model: OnnxModel;
  readonly epoch: number;
  readonly validation: Scores | undefined;
}

/** The first epoch with the best score, from this run or from the file of an interrupted one. */
export async function bestOf<Scores>(epochs: readonly EpochResult[], own: Kept<Scores> | undefined, folder: string): Promise<Kept<Scores>> {
  const { epoch } = epochs.reduce((a, b) => ((scoreOf(b) ?? 0) > (scoreOf(a) ?? 0) ? b : a));
  return own?.epoch === epoch ? own : { model: await readModel(join(folder, 'best.onnx')), epoch, validation: undefined };
}
