import { basename, join } from 'node:path';
import type { LoadedClassifier } from '../classifier/load.js';
import type { Box } from '../datasets/boxes/box-truth.js';
import { vocAnnotation } from '../datasets/boxes/voc-annotation.js';
import { writeFileAtomic } from '../jobs/files/atomic.js';
import { csvCell } from '../text/csv.js';
import type { LocalizeItem } from './items.js';
import { boxAt } from './record.js';
import type { LocalizeRecord } from './record.js';

/** What boxes are written from. */
export interface BoxSource {
  readonly out: string;
  readonly classifier: LoadedClassifier;
  readonly images: readonly { readonly item: LocalizeItem; readonly record: LocalizeRecord }[];
  /** The step of each variant's threshold. VOC and COCO files have the boxes of the first variant. */
  readonly variants: readonly { readonly name: string; readonly step: number }[];
  /** Only the boxes of the most likely classes; 0: those of the true classes. */
  readonly top: number;
  /** The category of a logit in the COCO file of the true boxes. */
  readonly categoryOf?: ReadonlyMap<number, number>;
}

/** A class of an image with its box at the chosen threshold. */
interface FoundBox {
  readonly logit: number;
  readonly value: number;
  readonly rank: number;
  readonly box: Box;
}

/** A map that is zero everywhere has no box. */
function foundBoxes({ maps }: LocalizeRecord, variant: number, step: number): FoundBox[] {
  return maps.map(({ boxes, ...rest }) => ({ ...rest, box: boxAt(boxes[variant], step) })).filter(({ box: [left, , right] }) => right >= left)
    .sort((a, b) => a.rank - b.rank);
}

function predicted({ images, variants: [{ step }], top }: BoxSource): (BoxSource['images'][number] & { readonly boxes: readonly FoundBox[] })[] {
  return images.map(({ item, record }) => ({ item, record, boxes: foundBoxes(record, 0, step).filter(({ rank }) => top === 0 || rank < top) }));
}

/** A table: one line per image and class, true classes included. The last column and row are part of a box. Several variants have a column. */
async function writeCsv({ out, classifier: { spec }, images, variants }: BoxSource): Promise<void> {
  const several = variants.length > 1;
  const lines = variants.flatMap(({ name, step }, v) => images.flatMap(({ item: { imagePath, truths }, record }) => (
    foundBoxes(record, v, step).map(({ logit, value, rank, box }) => [
      ...several ? [csvCell(name)] : [], csvCell(basename(imagePath)), csvCell(spec.classes[logit]), logit, rank + 1, value,
      truths.some((truth) => truth.logit === logit) ? 1 : 0, ...box,
    ].join(',')))));
  await writeFileAtomic(join(out, 'boxes.csv'), [`${several ? 'variant,' : ''}image,class,logit,rank,value,true,x1,y1,x2,y2`, ...lines, ''].join('\n'));
}

/** Results as COCO's evaluation reads them; the score is the value of the logit. Classes that are no category of the true boxes are left out. */
async function writeCoco(source: BoxSource): Promise<void> {
  const { categoryOf } = source;
  const results = predicted(source).flatMap(({ item, boxes }, i) => boxes.flatMap(({ logit, value, box: [left, top, right, bottom] }) => {
    const category = categoryOf === undefined ? logit : categoryOf.get(logit);
    if (category === undefined) return [];
    return [{ image_id: item.truth.imageId ?? i + 1, category_id: category, bbox: [left, top, right - left + 1, bottom - top + 1], score: value }];
  }));
  await writeFileAtomic(join(source.out, 'results.json'), `[${results.map((result) => `\n${JSON.stringify(result)}`).join(',')}\n]\n`);
}

/** Annotations of VOC. */
async function writeVoc(source: BoxSource): Promise<void> {
  for (const { item: { id, imagePath }, record: { size: [height, width] }, boxes } of predicted(source)) {
    const objects = boxes.map(({ logit, box }) => ({ name: source.classifier.spec.classes[logit], box }));
    await writeFileAtomic(join(source.out, 'Annotations', `${id}.xml`), vocAnnotation({ photo: imagePath, width, height, segmented: false, objects }));
  }
}

const writers = { csv: writeCsv, coco: writeCoco, voc: writeVoc };

/** Writes the boxes of all images at the chosen threshold. */
export async function writeBoxes(kinds: readonly (keyof typeof writers)[], source: BoxSource): Promise<void> {
  for (const kind of new Set(kinds)) await writers[kind](source);
}
