import { InvalidArgumentError } from 'commander';
import { CLASS_SETS } from '../../datasets/classes/known.js';
import { loadClassSet } from '../../datasets/classes/load.js';
import { DATA_KINDS } from '../../datasets/kinds.js';
import { UserError } from '../../errors.js';
import { DEFAULT_OPTIONS, exportSeeds } from '../../export/export.js';
import type { ExportSummary } from '../../export/export.js';
import type { FormatOptions, PhotoMode } from '../../export/format.js';
import { FORMAT_NAMES, formatOf } from '../../export/formats/index.js';
import type { FormatName } from '../../export/formats/index.js';
import { progressBar } from '../../jobs/progress.js';
import type { Progress } from '../../jobs/progress.js';
import { watchInterrupt } from '../../jobs/stop/interrupt.js';
import { flagOf } from '../../setting.js';
import { parseDecimal } from '../../text/decimal.js';
import type { CommandRegistrar, ExitCode } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { choice } from '../options/choice.js';
import { addMaskOptions, requireFlag } from '../options/devkit-options.js';
import type { MaskFlags } from '../options/devkit-options.js';
import { GROUPS } from '../options/groups.js';
import { parseCount, parseWorkers } from '../options/parsers.js';
import { SUMMARIES } from './summaries.js';

interface ExportFlags extends Partial<FormatOptions>, MaskFlags {
  to?: FormatName;
  out?: string;
  masks?: string;
  data?: string;
  vocRoot?: string;
  classSet?: string;
  workers?: number;
  json?: boolean;
}

const examples = `
Formats:
${FORMAT_NAMES.map((name) => `  ${name.padEnd(10)} ${formatOf(name).help}`).join('\n')}

Examples:
  # A devkit with links to the photographs, for torchvision, mmsegmentation and others
  voc-seeds export seeds --to voc --out devkit

  # Instances for Detectron2 and everything else that reads MS COCO; specks are left out
  voc-seeds export seeds --to coco --min-area 64 --out instances_train.json

  # CAMs for IRN, from a run with --save-cams
  voc-seeds export seeds --to irn --out cam

  # Any folder of masks
  voc-seeds export --masks SegmentationClassAug --voc-root VOCdevkit/VOC2012 --to yolo-seg --photos copy --out yolo

The output is complete or absent. A folder that contains files is never written to.

Exit codes: 0 all images are exported; 1 wrong usage or an error; 2 some images could not be exported and were left out;
130 interrupted.
`;

/** `voc-seeds export`: seeds in the formats of other programs. */
export const registerExport: CommandRegistrar = (program, done) => {
  const command = program.command('export').argument('[run]', 'the output folder of generate')
    .description(SUMMARIES.export)
    .optionsGroup(GROUPS.input)
    .option('--masks <folder>', 'export the masks <id>.png of a folder instead of a run')
    .option('--data <kind:root>', `the data set with the photographs: ${DATA_KINDS.join(', ')} (default: that of the run)`)
    .option('--voc-root <folder>', 'short for --data voc:FOLDER')
    .option('--class-set <name|file>', `the classes: ${CLASS_SETS.join(', ')}, or a YAML file (default: those of the run)`);
  addMaskOptions(command).optionsGroup(GROUPS.output)
    .addOption(choice('--to <format>', 'the format, see below', FORMAT_NAMES))
    .option('--out <path>', 'a new folder; a .json file for coco')
    .addOption(choice('--photos <how>', `photographs as symbolic links, as copies, or left out (default: ${DEFAULT_OPTIONS.photos})`, ['link', 'copy', 'none'] satisfies PhotoMode[]))
    .option('--split <name>', 'the name of the list of images (default: that of the run)', parseSplit)
    .option('--min-area <pixels>', `leave out smaller objects (default: ${DEFAULT_OPTIONS.minArea})`, parseCount)
    .option('--alpha <a>', `the opacity of overlays, 0..1 (default: ${DEFAULT_OPTIONS.alpha})`, parseShare)
    .optionsGroup(GROUPS.running)
    .option('--workers <n>', 'worker threads (default: one per processor)', parseWorkers)
    .option('--json', 'print the summary as JSON')
    .addHelpText('after', examples)
    .action(async (run: string | undefined, flags: ExportFlags) => { done(await runExport(run, flags)); });
};

function parseSplit(text: string): string {
  if (!/^[\w.-]*\w[\w.-]*$/.test(text)) throw new InvalidArgumentError('Expected a name of letters, digits, _, - and dots.');
  return text;
}

function parseShare(text: string): number {
  const value = parseDecimal(text);
  if (value === undefined || value < 0 || value > 1) throw new InvalidArgumentError('Expected a number from 0 to 1.');
  return value;
}

async function runExport(run: string | undefined, { json, classSet, rgbMasks: rgb, ...flags }: ExportFlags): Promise<ExitCode> {
  const to = requireFlag(flags.to, '--to', 'coco');
  const out = requireFlag(flags.out, '--out', to === 'coco' ? 'seeds.json' : to);
  requireEffect(to, flags);
  const say = (text: string): void => { process.stderr.write(`${text}\n`); };
  let bar: Progress | undefined;
  const watch = watchInterrupt(() => { say('\ninterrupted: nothing will be written (press Ctrl-C again to stop at once)'); });
  try {
    const summary = await exportSeeds({
      ...flags, to, out, run, rgb,
      inputs: classSet === undefined ? [] : [classSet], classes: classSet === undefined ? undefined : await loadClassSet(classSet),
      signal: watch.signal,
      onStart: (total) => { bar = progressBar(total, 'images'); },
      onProgress: (ended) => bar?.advance(ended),
    });
    bar?.stop();
    for (const remark of summary.remarks) say(remark);
    process.stdout.write(json === true ? `${JSON.stringify(summary, null, 2)}\n` : describe(summary));
    if (summary.interrupted) return EXIT.interrupted;
    return summary.failures.length > 0 ? EXIT.failures : EXIT.ok;
  } finally {
    bar?.stop();
    watch.dispose();
  }
}

/** @throws UserError for a flag that has no effect with this format */
function requireEffect(to: FormatName, flags: ExportFlags): void {
  const { uses } = formatOf(to);
  for (const name of ['minArea', 'alpha', 'photos', 'split'] as const) {
    if (flags[name] === undefined || uses.includes(name)) continue;
    const users = FORMAT_NAMES.filter((other) => formatOf(other).uses.includes(name));
    throw new UserError(`${flagOf(name)} has no effect with --to ${to}`, `leave it out; it is for ${users.join(', ')}`);
  }
}

/** The largest number of failures shown in the terminal. */
const MOST = 20;

function describe({ out, written, failures, interrupted, seconds }: ExportSummary): string {
  if (interrupted) return 'interrupted: nothing was written\n';
  const lines = [`${out}: ${written} images, in ${seconds.toFixed(1)} s`];
  if (failures.length > 0) lines.push(`${failures.length} images were left out:`, ...failures.slice(0, MOST).map(({ id, reason }) => `  ${id}: ${reason}`));
  if (failures.length > MOST) lines.push(`  ... and ${failures.length - MOST} more (--json lists all)`);
  return `${lines.join('\n')}\n`;
}
