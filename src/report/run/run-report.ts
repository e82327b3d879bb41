import { basename, resolve } from 'node:path';
import { IGNORED_AS } from '../../metrics/scores.js';
import type { ImageScore } from '../../metrics/score-pairs.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import type { RgbMasks } from '../../datasets/masks.js';
import { readAblation } from './ablation.js';
import type { Ablation } from './ablation.js';
import { readClientAssets } from './client.js';
import { fileNames } from './file-names.js';
import { openRun } from './folder.js';
import type { Run } from './folder.js';
import { chooseImages, choiceText } from './gallery-choice.js';
import { DEFAULT_IMAGE_SIZE, HEAT, inlinePanels, openPlace, writePanels } from './gallery-files.js';
import type { ReportOptions, ReportPlace, ReportSummary } from './gallery-files.js';
import { gallerySection, overlayChoices, sortChoices } from './gallery-section.js';
import { reportPage } from './page.js';
import type { PageData, PageScore } from './page-data.js';
import type { PanelResult, PanelTask } from './panel.js';
import { overview, runSection } from './run-sections.js';
import type { Problem } from './run-sections.js';
import { ablationSection, comparisonSection, ignoresPixels, scoreSection, thresholdSection, WAY_NAMES } from './score-sections.js';
import { mappedImages, pairCount, predictionsOf, scorePredictions, thresholdCurve } from './scores.js';
import type { ScoredPrediction, ThresholdCurve } from './scores.js';

/** Options of {@link writeRunReport}. */
export interface RunReportOptions extends ReportOptions {
  /** The folder of a second run to compare with. */
  readonly compare?: string;
  /** Default: that of the run. */
  readonly classes?: ClassSet;
  /** The data set as `KIND:ROOT`. Default: that of the run. */
  readonly data?: string;
  /** Short for `voc:ROOT`. */
  readonly vocRoot?: string;
  readonly truth?: string;
  readonly rgb?: RgbMasks;
  /** A JSON file with the results of an ablation. */
  readonly ablation?: string;
}

/** The result of {@link writeRunReport}. */
export interface RunReportSummary extends ReportSummary {
  /** The mIoU of each prediction, 0..1, for each way of scoring ignored pixels, and the number of scored images. */
  readonly scores: readonly { readonly name: string; readonly scored: number; readonly meanIou: Readonly<Record<string, number>> }[];
  readonly bestThreshold?: { readonly threshold: number; readonly meanIou: number; readonly images: number };
}

/**
 * Writes the report of a run: scores, charts and a gallery of its images, as one HTML file or as a folder whose images are
 * loaded when they come into view. The page is written last, so an unfinished report has no page. Photographs of an
 * interrupted report are used again.
 *
 * @throws UserError if there is no run, or if the report cannot be written
 */
export async function writeRunReport(options: RunReportOptions): Promise<RunReportSummary> {
  const { rgb, workers } = options;
  const started = performance.now();
  const run = await openRun(options.run, options);
  const { compare } = options;
  const [ownName, otherName] = compare === undefined ? ['Seeds', ''] : namesOf(options.run, compare);
  const other = compare === undefined ? undefined : { name: otherName, run: await openRun(compare, options) };
  const ablation = options.ablation === undefined ? undefined : await readAblation(options.ablation);
  const predictions = predictionsOf(run, ownName, other);
  const shownCount = Math.min(options.maxImages ?? Infinity, run.images.length);
  const place = await openPlace(options, shownCount);

  const [pairs, mapped] = [pairCount(run, predictions), mappedImages(run).length];
  options.onStart?.(pairs + mapped + shownCount);
  const { scored, failures } = await scorePredictions(run, predictions, { rgb, workers, onProgress: options.onProgress });
  const swept = await thresholdCurve(run, { rgb, workers, onProgress: (done) => options.onProgress?.(pairs + done) });
  const wanted = chooseImages(run.images.map(({ id }) => id), (id) => scored[0].byImage.get(id)?.meanIou.error, shownCount, options.choose ?? 'worst');
  const tasks = panelTasks(run, scored, wanted, place, options);
  const panels = await writePanels(tasks, place, { ...options, onProgress: (done) => options.onProgress?.(pairs + mapped + done) });

  const problems = uniqueProblems([
    ...failures.map(({ id, message }) => ({ id, reason: message })), ...swept.failures.map(({ id, message }) => ({ id, reason: message })),
    ...panels.flatMap(({ id, problems: reasons }) => reasons.map((reason) => ({ id, reason }))),
  ]);
  const interrupted = panels.length < tasks.length;
  const findings = { run, scored, ablation, curve: swept.curve, panels, tasks, problems, options, place };
  if (!interrupted) await writeFileAtomic(place.page, await pageOf(findings));
  return {
    page: interrupted ? undefined : place.page, singleFile: place.folder === undefined, images: run.images.length, gallery: panels.length,
    scores: scored.flatMap(({ name, result }) => {
      if (result === undefined) return [];
      return [{ name, scored: result.scored, meanIou: Object.fromEntries(IGNORED_AS.map((way) => [way, result.scores[way].meanIou])) }];
    }),
    bestThreshold: swept.curve === undefined ? undefined : { ...swept.curve.best, images: swept.curve.images },
    problems, remarks: run.remarks, interrupted, seconds: Number(((performance.now() - started) / 1000).toFixed(2)),
  };
}

/** The names of two runs in the report: the folder names if they differ, else the paths given by the user. */
function namesOf(run: string, other: string): readonly [own: string, other: string] {
  const [a, b] = [basename(resolve(run)), basename(resolve(other))];
  if (a !== b) return [a, b];
  return run === other ? [a, `${b} again`] : [run, other];
}

function panelTasks(
  run: Run, predictions: readonly ScoredPrediction[], ids: readonly string[], { folder, keepPhotos }: ReportPlace, options: RunReportOptions,
): PanelTask[] {
  const images = new Map(run.images.map((image) => [image.id, image]));
  const files = fileNames(ids);
  const layers = run.record.settings?.layers;
  return ids.map((id) => {
    const { photoPath, truth, camPath } = images.get(id)!;
    return {
      id, file: files.get(id)!, photoPath, camPath, folder, keepPhotos, rgb: options.rgb, classSet: run.classes.data,
      labelMaps: [truth ?? null, ...predictions.map(({ paths }) => paths.get(id) ?? null)],
      layers: Array.isArray(layers) ? layers.map(String) : [],
      imageSize: options.imageSize ?? DEFAULT_IMAGE_SIZE,
    };
  });
}

/** Removes duplicates: scoring and the gallery may report the same problem of a file, one of them with a hint at the end. */
function uniqueProblems(problems: readonly Problem[]): Problem[] {
  return problems.filter(({ id, reason }, i) => !problems.some((other, j) => (
    i !== j && other.id === id && other.reason.startsWith(reason) && (other.reason.length > reason.length || j < i)
  )));
}

interface Findings {
  readonly run: Run;
  readonly scored: readonly ScoredPrediction[];
  readonly curve?: ThresholdCurve;
  readonly ablation?: Ablation;
  readonly panels: readonly PanelResult[];
  readonly tasks: readonly PanelTask[];
  readonly problems: readonly Problem[];
  readonly options: RunReportOptions;
  readonly place: ReportPlace;
}

async function pageOf({ run, scored, curve, ablation, panels, tasks, problems, options, place }: Findings): Promise<string> {
  const { classes } = run;
  const files = new Map(tasks.map(({ id, file }) => [id, file]));
  const truth = panels.some(({ header }) => header.planes[0] === 1);
  const maps = panels.some(({ header }) => header.maps.length > 0);
  const names = scored.map(({ name }) => name);
  const overlays = overlayChoices(names, { truth, maps });
  const labels = [...new Set(panels.flatMap((panel) => panel.labels))].sort((a, b) => a - b);
  const notes = new Map((run.record.notes ?? []).map((entry) => [entry.id, entry.notes]));
  const some = panels.length < run.images.length;
  const gallery = gallerySection({
    overlays, classes, labels, sorts: sortChoices(names, scored[0].byImage.size > 0),
    note: some ? choiceText(panels.length, run.images.length, options.choose ?? 'worst', scored[0].byImage.size > 0) : undefined,
  });
  const data: PageData = {
    classes: Array.from({ length: classes.labelCount }, (_, label) => classes.nameOf(label)),
    palette: Array.from({ length: classes.labelCount }, (_, label) => classes.colourOf(label)),
    heat: HEAT,
    ways: ignoresPixels(scored) ? IGNORED_AS.map((way) => [way, WAY_NAMES[way]]) : [['error', WAY_NAMES.error]],
    predictions: names,
    overlays,
    kinds: [],
    folder: place.folder === undefined ? null : 'images/',
    images: panels.map((panel) => ({
      id: panel.id, file: files.get(panel.id)!, photo: panel.photo, w: panel.header.w, h: panel.header.h, labels: panel.labels,
      scores: scored.map(({ byImage }) => scoreOf(byImage.get(panel.id))), notes: notes.get(panel.id),
    })),
  };
  const { split, finished } = run.record;
  return reportPage({
    title: options.title ?? `Report of ${basename(resolve(run.folder))}`,
    subtitle: [
      `${run.images.length.toLocaleString('en-US')} images`, ...(split === undefined ? [] : [`split ${split}`]), ...(finished === undefined ? [] : [`finished ${finished.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}`]),
    ].join(' · '),
    overview: overview(run, scored),
    remarks: run.remarks,
    sections: [
      { id: 'scores', name: 'Scores', html: scoreSection(scored) },
      { id: 'comparison', name: 'Comparison', html: comparisonSection(scored) },
      { id: 'threshold', name: 'Threshold', html: thresholdSection(curve, run.record) },
      { id: 'ablation', name: 'Ablation', html: ablationSection(ablation) },
      { id: 'gallery', name: 'Gallery', html: gallery },
      { id: 'run', name: 'The run', html: runSection(run, problems) },
    ],
    assets: await readClientAssets(), data, panels: inlinePanels(panels, files, place),
  });
}

/** The scores of one image for the page's script, rounded to the precision it shows; null if there are none. */
function scoreOf(score: ImageScore | undefined): PageScore | null {
  if (score === undefined) return null;
  const rounded = (value: number): number | null => (Number.isFinite(value) ? Math.round(value * 1e4) / 1e4 : null);
  return {
    mean: Object.fromEntries(IGNORED_AS.map((way) => [way, rounded(score.meanIou[way])])),
    iou: score.iou.error.flatMap((value, label) => (Number.isFinite(value) ? [[label, rounded(value)] as const] : [])),
    coverage: rounded(score.coverage),
  };
}
