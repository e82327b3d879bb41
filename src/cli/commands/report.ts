import { InvalidArgumentError, Option } from 'commander';
import { UserError } from '../../errors.js';
import { watchInterrupt } from '../../jobs/stop/interrupt.js';
import { progressBar } from '../../jobs/progress.js';
import type { Progress } from '../../jobs/progress.js';
import { GALLERY_CHOICES } from '../../report/run/gallery-choice.js';
import { CLASS_SETS } from '../../datasets/classes/known.js';
import { loadClassSet } from '../../datasets/classes/load.js';
import type { GalleryChoice } from '../../report/run/gallery-choice.js';
import { writeFaithfulnessReport } from '../../report/measures/faithfulness-report.js';
import { reportedCommand } from '../../report/measures/kind.js';
import type { ReportedCommand } from '../../report/measures/kind.js';
import { writeLocalizeReport } from '../../report/measures/localize-report.js';
import type { LocalizeReportSummary } from '../../report/measures/localize-report.js';
import { DEFAULT_IMAGE_SIZE, SINGLE_FILE_IMAGES } from '../../report/run/gallery-files.js';
import type { ReportOptions, ReportSummary } from '../../report/run/gallery-files.js';
import { writeRunReport } from '../../report/run/run-report.js';
import type { RunReportSummary } from '../../report/run/run-report.js';
import { choice } from '../options/choice.js';
import { addMaskOptions, requireFlag } from '../options/devkit-options.js';
import type { MaskFlags } from '../options/devkit-options.js';
import { GROUPS } from '../options/groups.js';
import { parseCount, parseWorkers } from '../options/parsers.js';
import { EXIT } from '../exit-codes.js';
import type { CommandRegistrar, ExitCode } from '../command.js';
import { SUMMARIES } from './summaries.js';

interface ReportFlags extends MaskFlags {
  run?: string;
  compare?: string;
  out?: string;
  data?: string;
  vocRoot?: string;
  classSet?: string;
  truth?: string;
  images?: string;
  ablation?: string;
  title?: string;
  maxImages?: number;
  choose: GalleryChoice;
  imageSize?: number;
  singleFile?: boolean;
  folder?: boolean;
  workers?: number;
  json?: boolean;
}

const examples = `
Examples:
  # Scores, charts and a gallery of the results of generate: seeds/report/index.html
  voc-seeds report --run seeds

  # Compare two runs side by side
  voc-seeds report --run seeds --compare deep --out compared

  # A single file with the 40 worst images, easy to send
  voc-seeds report --run seeds --out seeds.html --max-images 40

  # True and found boxes of localize; curves of faithfulness
  voc-seeds report --run boxes
  voc-seeds report --run faithfulness

  # Ground truth from another folder, and the results of an ablation
  voc-seeds report --run seeds --truth masks --ablation ablation.json

The report of localize has no maps and that of faithfulness no gallery. Options of seeds and masks are for generate only.

If the run saved its maps (generate --save-cams), the report shows them and a curve of mIoU against threshold. Without ground
truth there are no scores, only the gallery.

Exit codes: 0 the report is written; 1 wrong usage or an error; 2 the report is written, but some images could not be read or
scored (the report lists them); 130 interrupted. Run the same command again to continue.
`;

/** `voc-seeds report`: the HTML report of a run. */
export const registerReport: CommandRegistrar = (program, done) => {
  const command = program.command('report').description(SUMMARIES.report);
  addMaskOptions(command
    .optionsGroup(GROUPS.input)
    .option('--run <folder>', 'the output folder of generate, localize or faithfulness')
    .option('--compare <folder>', 'the output folder of a second run to compare with')
    .option('--data <kind:root>', 'the data set (default: that of the run)')
    .option('--voc-root <folder>', 'short for --data voc:FOLDER')
    .option('--class-set <name|file>', `the classes: ${CLASS_SETS.join(', ')}, or a YAML file (default: those of the run)`)
    .option('--truth <folder>', 'ground truth <id>.png, instead of that of the data set'))
    .option('--images <folder>', 'the photographs of localize, if they have moved')
    .option('--ablation <file>', 'results of an ablation as JSON: { variants: [{ name, miou, low?, high?, threshold? }] }')
    .optionsGroup(GROUPS.output)
    .option('--out <place>', 'a folder, or a file that ends in .html (default: report in the run\'s folder)')
    .option('--title <text>', 'the title of the page')
    .optionsGroup('Gallery:')
    .option('--max-images <n>', 'the largest number of images in the gallery; scores cover all (default: no limit)', parseCount)
    .addOption(choice('--choose <which>', 'which images to show with --max-images', GALLERY_CHOICES).default('worst'))
    .option('--image-size <pixels>', `the longest side of the gallery's images (default: ${DEFAULT_IMAGE_SIZE})`, parseImageSize)
    .addOption(new Option('--single-file', `everything in one file (default: up to ${SINGLE_FILE_IMAGES} images)`).conflicts('folder'))
    .option('--folder', `separate image files, loaded when they come into view (default: from ${SINGLE_FILE_IMAGES + 1} images)`)
    .optionsGroup(GROUPS.running)
    .option('--workers <n>', 'worker threads (default: one per processor)', parseWorkers)
    .option('--json', 'print the summary as JSON')
    .addHelpText('after', examples)
    .action(async (flags: ReportFlags) => { done(await run(flags)); });
};

function parseImageSize(text: string): number {
  const size = Number(text);
  if (!Number.isInteger(size) || size < 32 || size > 4096) throw new InvalidArgumentError('Expected a whole number from 32 to 4096.');
  return size;
}

async function run(flags: ReportFlags): Promise<ExitCode> {
  const folder = requireFlag(flags.run, '--run', 'seeds');
  if (flags.folder === true && flags.out?.endsWith('.html') === true) throw new UserError(`--folder cannot be used with the file --out ${flags.out}`, 'pass a folder to --out, or leave out --folder');
  const say = (text: string): void => { process.stderr.write(`${text}\n`); };
  let bar: Progress | undefined;
  const watch = watchInterrupt(() => { say('\ninterrupted: finishing the images in progress (press Ctrl-C again to stop at once)'); });
  try {
    const { out, title, maxImages, choose, imageSize, workers } = flags;
    const { summary, lines } = await write(await reportedCommand(folder), flags, {
      run: folder, out, title, maxImages, choose, imageSize, workers,
      singleFile: flags.singleFile === true ? true : flags.folder === true ? false : undefined,
      signal: watch.signal,
      onStart: (total) => { bar = progressBar(total, 'files'); },
      onProgress: (ended) => bar?.advance(ended),
    });
    bar?.stop();
    process.stdout.write(flags.json === true ? `${JSON.stringify(summary, null, 2)}\n` : describe(summary, lines));
    if (summary.interrupted) return EXIT.interrupted;
    return summary.problems.length > 0 ? EXIT.failures : EXIT.ok;
  } finally {
    bar?.stop();
    watch.dispose();
  }
}

/** The flags that only some reports use. */
const OWN_FLAGS = {
  generate: ['compare', 'data', 'vocRoot', 'classSet', 'truth', 'rgbMasks', 'ablation'],
  localize: ['images'],
  faithfulness: [],
} as const satisfies Record<ReportedCommand, readonly (keyof ReportFlags)[]>;

/** @throws UserError if a flag has no effect on this report */
function refuseOthers(command: ReportedCommand, flags: ReportFlags): void {
  const [[other, flag] = []] = Object.entries(OWN_FLAGS).flatMap(([name, own]) => (
    name === command ? [] : own.filter((one) => flags[one] !== undefined).map((one) => [name, one] as const)));
  if (flag === undefined) return;
  const shown = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new UserError(`--${shown} is for the report of ${other}, but ${flags.run} was written by ${command}`, `leave out --${shown}`);
}

/** Writes a report, and describes its scores. */
async function write(
  command: ReportedCommand, flags: ReportFlags, options: ReportOptions,
): Promise<{ summary: ReportSummary; lines: readonly string[] }> {
  refuseOthers(command, flags);
  switch (command) {
    case 'localize': {
      const summary = await writeLocalizeReport({ ...options, images: flags.images });
      return { summary, lines: boxScores(summary) };
    }
    case 'faithfulness': return { summary: await writeFaithfulnessReport(options), lines: [] };
    default: {
      const { compare, data, vocRoot, classSet, truth, rgbMasks, ablation } = flags;
      const summary = await writeRunReport({
        ...options, compare, data, vocRoot, classes: classSet === undefined ? undefined : await loadClassSet(classSet),
        truth, rgb: rgbMasks, ablation,
      });
      return { summary, lines: seedScores(summary) };
    }
  }
}

const share = (value: number): string => (100 * value).toFixed(1);

function seedScores({ scores, bestThreshold }: RunReportSummary): string[] {
  return [
    ...scores.map(({ name, scored, meanIou }) => `${name}: mIoU ${share(meanIou.error)} % over ${scored} images`),
    ...bestThreshold === undefined ? [] : [`best threshold on the stored maps: ${bestThreshold.threshold.toFixed(2)}, ${share(bestThreshold.meanIou)} % (chosen with the masks)`],
  ];
}

function boxScores({ scores }: LocalizeReportSummary): string[] {
  return scores.map(({ name, gtKnown, loc1, boxAccuracyV2 }) => `${name}: GT-known ${share(gtKnown)} %, loc1 ${share(loc1)} %, BoxAccV2 ${share(boxAccuracyV2)} %`);
}

/** The largest number of problems shown in the terminal. The report lists all. */
const MOST = 20;

function describe({ page, images, gallery, problems, remarks, interrupted, seconds }: ReportSummary, scores: readonly string[]): string {
  const lines = interrupted || page === undefined
    ? [`interrupted after ${gallery} images: run the same command again to continue`]
    : [`${page}: ${images} images${gallery > 0 && gallery < images ? `, ${gallery} of them in the gallery` : ''}, in ${seconds.toFixed(1)} s`];
  lines.push(...scores, ...remarks);
  if (problems.length > 0) lines.push(`${problems.length} problems:`, ...problems.slice(0, MOST).map(({ id, reason }) => `  ${id}: ${reason}`));
  if (problems.length > MOST) lines.push(`  ... and ${problems.length - MOST} more, in the report`);
  return `${lines.join('\n')}\n`;
}
