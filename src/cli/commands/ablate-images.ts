import type { AblateConfig } from '../../settings/ablate.js';
import { UserError } from '../../errors.js';
import { whatLiesInPlaceOf } from '../../datasets/files-by-id.js';
import type { LabelSource } from '../../datasets/labels/source.js';
import { partitionByPresence } from '../../datasets/splits.js';
import { truthFile } from '../../datasets/truth.js';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import type { DataItem } from '../../datasets/splits.js';
import { noPhotographs, openRunLabels, openSelection } from '../options/devkit-options.js';
import type { DevkitFlags, MaskFlags, Selection } from '../options/devkit-options.js';

/** The images of the pass. */
export interface AblationImages {
  readonly classes: ClassSet;
  readonly selections: readonly Selection[];
  /** The images of both lists, without duplicates. */
  readonly items: readonly DataItem[];
  readonly tune: readonly string[];
  readonly score: readonly string[];
  /** Photographs of the lists, and how many of them are not on disk. */
  readonly listed: number;
  readonly missing: number;
  /** Ids of photographs without a mask. */
  readonly maskless: readonly string[];
}

/**
 * Opens the list for choosing thresholds and the list for scoring, which may be the same.
 *
 * @throws UserError if no image has both a photograph and a mask
 */
export async function imagesOf(flags: DevkitFlags, config: AblateConfig): Promise<AblationImages> {
  const { tuneOn, scoreOn } = config;
  const names = tuneOn !== undefined && scoreOn !== undefined ? [tuneOn, scoreOn] : [config.split];
  const selections: Selection[] = [];
  for (const split of names) selections.push(await openSelection({ ...flags, ...config, split }, 'imagePath'));
  const [own, other] = selections.map(({ classes }) => JSON.stringify(classes.data));
  if (other !== undefined && own !== other) throw new UserError(`${names.join(' and ')} have different classes`, 'name the classes with --class-set');
  const items = new Map<string, DataItem>();
  for (const item of selections.flatMap((selection) => selection.items)) {
    const known = items.get(item.id);
    if (known !== undefined && known.imagePath !== item.imagePath) {
      throw new UserError(`two photographs are called ${item.id}: ${known.imagePath} and ${item.imagePath}`);
    }
    items.set(item.id, item);
  }
  if (items.size === 0) throw noPhotographs(selections[0]);
  const { present, missing } = await partitionByPresence([...items.values()], 'truth');
  if (present.length === 0) {
    const { imageDir, truthPlace } = selections[0].data;
    const [{ truth }] = missing;
    const other = truth === undefined ? undefined : await whatLiesInPlaceOf(truthFile(truth));
    throw new UserError('there is nothing to score: no image has both a photograph and a mask on disk', other ?? `they are expected in ${imageDir} and ${truthPlace}`);
  }
  const known = new Set(present.map(({ id }) => id));
  const idsOf = (selection: Selection): string[] => selection.items.map(({ id }) => id).filter((id) => known.has(id));
  const count = (items: readonly DataItem[]): number => new Set(items.map(({ id }) => id)).size;
  return {
    classes: selections[0].classes, selections, listed: count(selections.flatMap(({ listed }) => listed)), items: present,
    tune: idsOf(selections[0]), score: idsOf(selections[selections.length - 1]),
    missing: count(selections.flatMap((selection) => selection.missing)), maskless: missing.map(({ id }) => id),
  };
}

/** Opens the source of image-level labels, as `generate` does. */
export async function labelsOf(
  flags: MaskFlags, config: AblateConfig, { selections }: AblationImages,
): Promise<LabelSource> {
  const list = selections.length === 1 ? selections[0].split.path : undefined;
  return (await openRunLabels({ ...config, rgbMasks: flags.rgbMasks }, selections[0], list)).labels;
}
