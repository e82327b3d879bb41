import { join } from 'node:path';
import type { z } from 'zod';
import { flagOf } from '../../setting.js';
import type { SettingTable } from '../../setting.js';
import { devkitSettings, labelSourceSettings } from '../../datasets/settings.js';
import { batchSettings, runtimeSettings, workerSettings } from '../../runtime/settings.js';
import type { PipelineConfig } from '../../settings/pipeline.js';
import { pipelineSchema } from '../../settings/pipeline.js';

/** A command of the pipeline. */
export interface Stage {
  readonly title: string;
  readonly command: 'generate' | 'train' | 'eval' | 'report';
  /** Its arguments, without the command's name. */
  readonly arguments: readonly string[];
  /** About how long one photograph takes, in seconds of one processor. */
  readonly secondsPerPhoto: number;
}

/** What the pipeline needs besides its settings. */
export interface PipelineChoice {
  /** The flags that choose images, such as `--limit 10`. */
  readonly selection: readonly string[];
  /** Whether there is ground truth to score against. */
  readonly scored: boolean;
}

/** Measured with the bundled classifier on VOC photographs, one thread of a processor of 2023. */
const SECONDS = { best: 0.2, fast: 0.2, other: 0.5, features: 0.15, epoch: 0.1, labels: 0.3, eval: 0.01, report: 0.1 };

/** The size of the features of a photograph, with the bundled classifier. */
export const FEATURE_BYTES = 1_577_024;

/** The folders and files of a pipeline. */
export function pipelinePaths(out: string): Record<'seeds' | 'features' | 'student' | 'labels', string> {
  return { seeds: join(out, 'seeds'), features: join(out, 'student.onnx.features'), student: join(out, 'student.onnx'), labels: join(out, 'labels') };
}

/** The commands of a pipeline, in order: seeds, a student trained on them, its labels, scores, a report. */
export function pipelineStages(config: PipelineConfig, out: string, { selection, scored }: PipelineChoice): Stage[] {
  const paths = pipelinePaths(out);
  const data = flagsFor(config, devkitSettings);
  const labels = flagsFor(config, labelSourceSettings);
  const runtime = flagsFor(config, runtimeSettings);
  const workers = flagsFor(config, workerSettings);
  const model = config.model === undefined ? [] : [config.model];
  const { agree = [] } = config;
  const common = [...data, ...selection, ...labels, ...runtime];
  const secondsOf = (name: string): number => (name === 'best' || name === 'fast' ? SECONDS[name] : SECONDS.other);
  return [
    {
      title: 'seeds of class activation maps', command: 'generate',
      arguments: [
        ...common, ...workers, ...flagsFor(config, batchSettings), ...model.flatMap((file) => ['--model', file]), '--config', config.seedsOf, ...agree.length > 0 ? ['--agree', agree.join(',')] : [],
        '--out', paths.seeds,
      ],
      secondsPerPhoto: [config.seedsOf, ...agree].reduce((sum, name) => sum + secondsOf(name), 0),
    },
    {
      title: 'a student trained on them', command: 'train',
      arguments: [
        '--mode', 'segment', ...common, ...model.flatMap((file) => ['--backbone', file]), '--seeds', paths.seeds, ...flagsFor(config, pick('epochs', 'seed')),
        '--cache', paths.features, '--out', paths.student,
      ],
      secondsPerPhoto: SECONDS.features + config.epochs * SECONDS.epoch,
    },
    {
      title: 'labels by the student', command: 'generate',
      arguments: [
        ...common, ...workers, '--student', paths.student, ...flagsFor(config, pick('studentScales', 'studentFlip', 'studentRefine', 'camWeight')),
        ...config.camWeight > 0 ? ['--cam-seeds', paths.seeds] : [], '--out', paths.labels,
      ],
      secondsPerPhoto: SECONDS.labels,
    },
    ...scored
      ? [{
          title: 'scores', command: 'eval' as const, arguments: [...data, ...selection, '--pred', join(paths.labels, 'SegmentationClass')], secondsPerPhoto: SECONDS.eval,
        }]
      : [],
    { title: 'report', command: 'report', arguments: ['--run', paths.labels, '--compare', paths.seeds], secondsPerPhoto: SECONDS.report },
  ];
}

function pick<Name extends keyof typeof pipelineSchema.shape>(...names: Name[]): SettingTable {
  return Object.fromEntries(names.map((name) => [name, pipelineSchema.shape[name] as z.ZodType]));
}

/** The flags that give a command these settings. */
function flagsFor(config: Readonly<Record<string, unknown>>, table: SettingTable): string[] {
  return Object.entries(table).flatMap(([name, schema]) => {
    const value = config[name];
    const flag = flagOf(name, schema);
    if (value === undefined) return [];
    if (typeof value === 'boolean') return [value ? flag : `--no-${flag.slice(2)}`];
    return [flag, Array.isArray(value) ? value.join(',') : String(value)];
  });
}
