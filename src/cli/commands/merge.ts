import { readFile } from 'node:fs/promises';
import { UserError, messageOf } from '../../errors.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { isFolder } from '../../jobs/files/is-folder.js';
import { evaluationCsv, evaluationJson, evaluationMarkdown } from '../../metrics/format.js';
import { mergeEvaluations } from '../../metrics/merge.js';
import { mergeRun } from '../../report/run/merge.js';
import type { MergedRun } from '../../report/run/merge.js';
import { EXIT } from '../exit-codes.js';
import type { CommandRegistrar, ExitCode } from '../command.js';
import { SUMMARIES } from './summaries.js';

interface MergeFlags {
  csv?: string | true;
  json?: boolean;
}

const examples = `
Examples:
  # One run.json for the parts of an array job
  voc-seeds merge seeds

  # Scores of a list that was scored in parts
  voc-seeds eval --voc-root VOCdevkit/VOC2012 --split train --pred seeds/SegmentationClass --shard 1/2 --json > 1.json
  voc-seeds eval --voc-root VOCdevkit/VOC2012 --split train --pred seeds/SegmentationClass --shard 2/2 --json > 2.json
  voc-seeds merge 1.json 2.json

Counts and confusion matrices are added up, so the result is the same as that of one run over the whole list. The exit code is
2 if a part of a run is missing or unfinished, or if images have failed.
`;

/** `voc-seeds merge`: merges the records of a run in parts, or the scores of a list that was scored in parts. */
export const registerMerge: CommandRegistrar = (program, done) => {
  program.command('merge').argument('<folder or files...>', 'the --out folder of generate --shard, or the JSON files of eval --shard')
    .description(SUMMARIES.merge)
    .option('--csv [file]', 'write the scores by class as CSV, to a file or instead of the table')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action(async (places: string[], flags: MergeFlags) => { done(await run(places, flags)); });
};

async function run(places: readonly string[], flags: MergeFlags): Promise<ExitCode> {
  const [place] = places;
  const folders = await Promise.all(places.map(isFolder));
  if (!folders.includes(true)) return mergeScores(places, flags);
  if (places.length > 1) throw new UserError(`the folder ${places[folders.indexOf(true)]} cannot be merged with other paths`, 'pass a single folder of a run, or only JSON files of scores');
  if (flags.csv !== undefined) throw new UserError('--csv works only with scores', 'pass the JSON files of eval --shard, or leave out --csv');
  const merged = await mergeRun(place);
  process.stdout.write(flags.json === true ? `${JSON.stringify(merged.record, null, 2)}\n` : describe(merged));
  return isComplete(merged) ? EXIT.ok : EXIT.failures;
}

async function mergeScores(files: readonly string[], { csv, json }: MergeFlags): Promise<ExitCode> {
  if (json === true && csv === true) throw new UserError('--json and --csv cannot both print', 'write the CSV to a file: --csv scores.csv');
  const parts = [];
  for (const name of files) parts.push({ name, value: await readPart(name) });
  const { result, images, notes } = mergeEvaluations(parts);
  if (typeof csv === 'string') await writeFileAtomic(csv, evaluationCsv(result));
  if (json === true) process.stdout.write(`${JSON.stringify({ images, ...notes.length > 0 && { notes }, ...evaluationJson(result) }, undefined, 2)}\n`);
  else if (csv === true) process.stdout.write(evaluationCsv(result));
  else process.stdout.write(`${evaluationMarkdown(result, 'error')}\nScored ${result.scored} images in ${files.length} parts.\n`);
  process.stderr.write([...notes, ...result.failures.map(({ id, message }) => `failed ${id}: ${message}`)].map((line) => `${line}\n`).join(''));
  return result.failures.length > 0 ? EXIT.failures : EXIT.ok;
}

async function readPart(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${messageOf(error)}`, 'expected the output of \'eval --shard i/n --json\'', { cause: error });
  }
}

interface Counts {
  readonly written?: number;
  readonly resumed?: number;
  readonly failed?: number;
  readonly left?: number;
}

const countsOf = ({ record }: MergedRun): Counts => (record.counts ?? {}) as Counts;

function isComplete(merged: MergedRun): boolean {
  const { failed = 0, left = 0 } = countsOf(merged);
  return merged.missingShards.length === 0 && failed === 0 && left === 0;
}

function describe(merged: MergedRun): string {
  const { path, shards, missingShards } = merged;
  const { written = 0, resumed = 0, failed = 0, left = 0 } = countsOf(merged);
  const lines = [`${path}: ${shards - missingShards.length} of ${shards} parts, ${written + resumed} images${failed > 0 ? `, ${failed} failed` : ''}`];
  if (left > 0) lines.push(`${left} images are left: run the interrupted parts again`);
  if (missingShards.length > 0) lines.push(`parts without a record (not started, still running, or killed): ${missingShards.join(', ')}. Run them again, then merge.`);
  return `${lines.join('\n')}\n`;
}
