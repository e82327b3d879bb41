import type { ClassSet } from '../datasets/classes/class-set.js';
import type { LabelMap } from '../datasets/label-map.js';
import type { RgbMasks } from '../datasets/masks.js';
import type { MapDump } from '../metrics/maps/dump.js';

/** How photographs get into an export: as symbolic links, as copies, or not at all. */
export type PhotoMode = 'link' | 'copy' | 'none';

/** What users can choose about a format. */
export interface FormatOptions {
  /** The smallest component that becomes an object, in pixels. */
  readonly minArea: number;
  /** The opacity of labels over a photograph, 0..1. */
  readonly alpha: number;
  readonly photos: PhotoMode;
  /** The name of the list of images. */
  readonly split: string;
}

/** The files of one image. */
export interface ExportItem {
  readonly id: string;
  readonly maskPath: string;
  /** Its maps, if there are any. */
  readonly camPath?: string;
  /** Whether it has no classes, and therefore no maps. */
  readonly classless?: boolean;
  readonly photoPath?: string;
}

/** What every image of an export needs. */
export interface ExportContext {
  /** The folder to write to. */
  readonly out: string;
  readonly classes: ClassSet;
  readonly options: FormatOptions;
  /** What to do with masks of colours. */
  readonly rgb?: RgbMasks;
}

/** One image, with what the format reads of it. */
export interface ExportImage extends ExportItem, ExportContext {
  /** Labels that are 0, 255 or a class. */
  readonly labels: LabelMap;
  /** The classes that have pixels, ascending. */
  readonly present: readonly number[];
  /** The maps, with labels as keys; only for formats that read them. */
  readonly maps?: MapDump;
}

/** An image that is done, and what the format's index says about it. */
export interface ExportedImage<Entry> extends ExportItem {
  readonly entry: Entry;
}

/** A format that seeds can be exported to. `Entry` is plain data, as it comes from a worker thread. */
export interface ExportFormat<Entry> {
  /** What it is, in a few words. */
  readonly help: string;
  /** Whether it stores maps instead of labels. */
  readonly readsMaps?: true;
  /** The folder that photographs are put into, for formats that contain them. */
  readonly photoFolder?: (options: FormatOptions) => string;
  /** Whether it makes no sense without photographs. */
  readonly needsPhotos?: true;
  /** Whether `--out` is a single file, written by `finish` alone. */
  readonly singleFile?: true;
  /** The options that have an effect. */
  readonly uses: readonly (keyof FormatOptions)[];
  /**
   * Writes the files of an image.
   *
   * @throws UserError if the image cannot be exported
   */
  image(image: ExportImage): Promise<Entry> | Entry;
  /** Writes what describes all images, in the order of the run. */
  finish?(images: readonly ExportedImage<Entry>[], context: ExportContext): Promise<void>;
}
