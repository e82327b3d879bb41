import { basename, resolve } from 'node:path';
import type { Box } from '../../datasets/boxes/box-truth.js';
import { messageOf, UserError } from '../../errors.js';
import { LEAST_IOU } from '../../localize/image-scores.js';
import { VOC } from '../../datasets/classes/voc.js';
import { VOC_PALETTE } from '../../datasets/palette.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { readClientAssets } from '../run/client.js';
import { fileNames } from '../run/file-names.js';
import { chooseImages, choiceText } from '../run/gallery-choice.js';
import { DEFAULT_IMAGE_SIZE, HEAT, inlinePanels, openPlace, writePanels } from '../run/gallery-files.js';
import type { ReportOptions, ReportSummary } from '../run/gallery-files.js';
import { gallerySection, sortChoices } from '../run/gallery-section.js';
import { reportPage } from '../run/page.js';
import type { PageBox, PageData, PageImage, Rgb } from '../run/page-data.js';
import type { PanelResult, PanelTask } from '../run/panel.js';
import { runSection } from '../run/run-sections.js';
import type { Problem } from '../run/run-sections.js';
import { CurveCounts } from './localize-curves.js';
import type { BoxCurves } from './localize-curves.js';
import { openLocalizeRun, readLocalizedImage } from './localize-run.js';
import type { LocalizedImage, LocalizeRun } from './localize-run.js';
import { boxScoreSection, curveSection, localizeOverview } from './localize-sections.js';

/** Options of {@link writeLocalizeReport}. */
export interface LocalizeReportOptions extends ReportOptions {
  /** The folder of the photographs. Default: that of the run. */
  readonly images?: string;
}

/** The result of {@link writeLocalizeReport}. */
export interface LocalizeReportSummary extends ReportSummary {
  /** The scores of each variant, 0..1. */
  readonly scores: readonly { readonly name: string; readonly gtKnown: number; readonly loc1: number; readonly boxAccuracyV2: number }[];
}

/** The kinds of results that the gallery can be filtered by. */
const KINDS = ['right', 'wrong class', 'wrong box'] as const;

/** The keys of the first variants' boxes. */
const KEYS = ['b', 'n', 'v', 'x', 'y', 'z'];

/**
 * Writes the report of `localize`: scores, curves over the thresholds, and a gallery of the scored images with true and found boxes.
 * Like {@link writeRunReport}, one HTML file or a folder.
 *
 * @throws UserError if there are no results, or if the report cannot be written
 */
export async function writeLocalizeReport(options: LocalizeReportOptions): Promise<LocalizeReportSummary> {
  const started = performance.now();
  const run = await openLocalizeRun(options.run, options.images);
  const { ids, variants } = run;
  const shownCount = Math.min(options.maxImages ?? Infinity, ids.length);
  const place = await openPlace(options, shownCount);
  options.onStart?.(ids.length + shownCount);

  const problems: Problem[] = [];
  const { images, curves } = await readImages(run, options, problems);
  if (images.length === 0 && problems.length > 0) throw new UserError(`no record in ${run.folder} can be read: ${problems[0].reason}`);
  const known = new Map(images.map((image) => [image.id, image]));
  const wanted = chooseImages([...known.keys()], (id) => meanIouOf(known.get(id)!, 0), shownCount, options.choose ?? 'worst');
  const shown = wanted.map((id) => known.get(id)!);
  const labels = labelsOf(shown);
  const files = fileNames(wanted);
  const tasks: PanelTask[] = [];
  for (const image of shown) {
    tasks.push({
      id: image.id, file: files.get(image.id)!, photoPath: await run.photoOf(image.id), labelMaps: [], layers: [], classSet: VOC.data,
      boxes: { size: image.size, all: boxesOf(image, labels) }, imageSize: options.imageSize ?? DEFAULT_IMAGE_SIZE,
      folder: place.folder, keepPhotos: place.keepPhotos,
    });
  }
  const panels = await writePanels(tasks, place, { ...options, onProgress: (done) => options.onProgress?.(ids.length + done) });
  problems.push(...panels.flatMap(({ id, problems: reasons }) => reasons.map((reason) => ({ id, reason }))));
  const without = tasks.filter(({ photoPath }) => photoPath === undefined).length;
  const remarks = [...run.remarks, ...without > 0 ? [`${without} of ${wanted.length} photographs of the gallery were not found. Pass their folder with --images.`] : []];
  const interrupted = panels.length < wanted.length || images.length + problems.length < ids.length;
  if (!interrupted) {
    const data = dataOf(run, shown, panels, { labels, files, folder: place.folder });
    const gallery = gallerySection({
      overlays: data.overlays, sorts: sortChoices(data.predictions, true), kinds: data.kinds, classes: { nameOf: (label) => data.classes[label] },
      labels: [...new Set(data.images.flatMap((image) => image.labels))].sort((one, other) => (data.classes[one] < data.classes[other] ? -1 : 1)),
      note: shown.length < images.length ? choiceText(shown.length, images.length, options.choose ?? 'worst', true) : undefined,
    });
    await writeFileAtomic(place.page, reportPage({
      title: options.title ?? `Boxes of ${basename(resolve(run.folder))}`,
      subtitle: `${ids.length.toLocaleString('en-US')} scored images`,
      overview: localizeOverview(run), remarks,
      sections: [
        { id: 'scores', name: 'Scores', html: boxScoreSection(run) },
        { id: 'threshold', name: 'Threshold', html: curveSection(run, curves) },
        { id: 'gallery', name: 'Gallery', html: gallery },
        { id: 'run', name: 'The run', html: runSection({ record: run.record, folder: run.folder, unseeded: [] }, problems) },
      ],
      assets: await readClientAssets(), data, panels: inlinePanels(panels, files, place),
    }));
  }
  return {
    page: interrupted ? undefined : place.page, singleFile: place.folder === undefined, images: ids.length, gallery: panels.length,
    scores: variants.map(({ name, scores: { gtKnown, loc1, boxAccuracyV2 } }) => (
      { name, gtKnown: gtKnown.value, loc1: loc1.value, boxAccuracyV2: boxAccuracyV2.value })),
    problems, remarks, interrupted, seconds: Number(((performance.now() - started) / 1000).toFixed(2)),
  };
}

/** Reads the records of all images, and counts good boxes at all thresholds. Those that cannot be read are problems. */
async function readImages(
  run: LocalizeRun, { signal, onProgress }: ReportOptions, problems: Problem[],
): Promise<{ images: LocalizedImage[]; curves: BoxCurves[] }> {
  const counts = run.variants.map(() => new CurveCounts(run.steps));
  const images: LocalizedImage[] = [];
  for (const [i, id] of run.ids.entries()) {
    if (signal?.aborted === true) break;
    try {
      const { image, sweeps } = await readLocalizedImage(run, id);
      for (const own of sweeps) own.forEach((sweep, v) => { counts[v].add(sweep); });
      images.push(image);
    } catch (error) {
      problems.push({ id, reason: messageOf(error) });
    }
    onProgress?.(i + 1);
  }
  return { images, curves: counts.map((own) => own.shares()) };
}

/** The mean IoU of an image's true classes. */
function meanIouOf({ classes }: LocalizedImage, v: number): number {
  return classes.reduce((sum, { found }) => sum + found[v].iou, 0) / classes.length;
}

/** The page's label of each logit. Label 0 is the background, which boxes do not have. */
function labelsOf(images: readonly LocalizedImage[]): ReadonlyMap<number, number> {
  const logits = images.flatMap(({ classes, likely }) => [...classes.map(({ logit }) => logit), ...likely === undefined ? [] : [likely.logit]]);
  return new Map([...new Set(logits)].sort((a, b) => a - b).map((logit, i) => [logit, i + 1]));
}

/** The boxes of an image, in pixels of the photograph. */
function boxesOf({ classes, likely }: LocalizedImage, labels: ReadonlyMap<number, number>): PageBox[] {
  const boxOf = (kind: PageBox['kind'], logit: number, [left, top, right, bottom]: Box, of?: number): PageBox => (
    { kind, label: labels.get(logit)!, edges: [left, top, right + 1, bottom + 1], of });
  const other = likely === undefined || classes.some(({ logit }) => logit === likely.logit) ? undefined : likely;
  return [
    ...classes.flatMap(({ logit, boxes, found }) => [
      ...boxes.map((box) => boxOf('true', logit, box)),
      ...found.flatMap(({ box }, v) => (box === undefined ? [] : [boxOf('found', logit, box, v)])),
    ]),
    ...other?.boxes.flatMap((box, v) => (box === undefined ? [] : [boxOf('other', other.logit, box, v)])) ?? [],
  ];
}

function dataOf(
  run: LocalizeRun, shown: readonly LocalizedImage[], panels: readonly PanelResult[],
  { labels, files, folder }: { readonly labels: ReadonlyMap<number, number>; readonly files: ReadonlyMap<string, string>; readonly folder?: string },
): PageData {
  const names = run.variants.map(({ name }) => name);
  const single = names.length === 1;
  return {
    classes: ['background', ...[...labels.keys()].map(run.nameOf)],
    palette: [0, ...labels.values()].map(colourOf), heat: HEAT, ways: [['error', '']],
    predictions: names, kinds: KINDS,
    overlays: [
      { value: 'photo', name: 'Photo', key: 'p' },
      ...names.map((name, v) => ({ value: `boxes:${v}`, name: single ? 'Boxes' : name, key: KEYS[v] ?? '' })),
    ],
    folder: folder === undefined ? null : 'images/',
    images: shown.map((image, i): PageImage => ({
      id: image.id, file: files.get(image.id)!, photo: panels[i].photo, w: panels[i].header.w, h: panels[i].header.h,
      labels: image.classes.map(({ logit }) => labels.get(logit)!).sort((a, b) => a - b), kinds: kindsOf(image),
      scores: names.map((_, v) => ({
        mean: { error: rounded(meanIouOf(image, v)) }, coverage: null,
        iou: image.classes.map(({ logit, found }) => [labels.get(logit)!, rounded(found[v].iou)] as const),
      })),
      notes: [
        ...image.likely === undefined ? [] : [`Most likely class: ${run.nameOf(image.likely.logit)}.`],
        ...image.classes.filter(({ rank }) => rank > 0).map(({ logit, rank }) => `${run.nameOf(logit)}: number ${rank + 1} of the most likely classes.`),
      ],
    })),
  };
}

/** What the first variant found of an image: its most likely class is a true one or not, and so are the boxes of its true classes. */
function kindsOf({ classes }: LocalizedImage): number[] {
  const kinds: (typeof KINDS[number])[] = [];
  if (!classes.some(({ rank }) => rank === 0)) kinds.push('wrong class');
  if (classes.some(({ found: [{ iou }] }) => iou < LEAST_IOU)) kinds.push('wrong box');
  return (kinds.length === 0 ? ['right' as const] : kinds).map((kind) => KINDS.indexOf(kind));
}

function rounded(share: number): number {
  return Math.round(share * 1e4) / 1e4;
}

/** VOC's colours, again from the first one if there are more labels. */
function colourOf(label: number): Rgb {
  const at = 3 * (label === 0 ? 0 : 1 + (label - 1) % (VOC_PALETTE.length / 3 - 2));
  return [VOC_PALETTE[at], VOC_PALETTE[at + 1], VOC_PALETTE[at + 2]];
}
