import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { constants as zlib, deflateSync } from 'node:zlib';
import { messageOf, UserError } from '../../errors.js';
import { resizeMap } from '../../image/resize-map.js';
import { openImage } from '../../image/libvips.js';
import { openPhoto, photoError } from '../../image/photo-file.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { readRegularFile } from '../../jobs/files/read-file.js';
import { decodeNpz, NpyError } from '../../formats/numpy/npz.js';
import { requireWithin } from '../../limits.js';
import type { NumberArray } from '../../formats/numpy/npz.js';
import type { ClassSet, ClassSetData } from '../../datasets/classes/class-set.js';
import { classSetOf } from '../../datasets/classes/known.js';
import type { LabelMap } from '../../datasets/label-map.js';
import type { RgbMasks } from '../../datasets/masks.js';
import { readTruth } from '../../datasets/truth.js';
import type { TruthInput } from '../../datasets/truth.js';
import type { PageBox, PanelHeader } from './page-data.js';
import { scriptJson } from './script-json.js';

/** Pixels on the long side of a shown map. Maps are smooth, so more would not show more detail. */
const MAP_SIDE = 128;

/** Photographs are stored at the size at which they are shown, so they load faster than the originals. */
const WEBP = { quality: 74, effort: 2 } as const;

/** One image of the gallery: plain data, so that it can be sent to a worker thread. */
export interface PanelTask {
  readonly id: string;
  /** The name of its files, without the ending. */
  readonly file: string;
  readonly photoPath?: string;
  /** Ground truth and label PNGs in the order of the page's planes; null if the image has none. */
  readonly labelMaps: readonly (TruthInput | null)[];
  readonly camPath?: string;
  /** The names of the layers whose maps the file may contain, deepest last. */
  readonly layers: readonly string[];
  /** Boxes in pixels of the photograph, and its size, [height, width]. */
  readonly boxes?: { readonly size: readonly [number, number]; readonly all: readonly PageBox[] };
  /** The longest side of the shown image, in pixels. */
  readonly imageSize: number;
  readonly rgb?: RgbMasks;
  readonly classSet: ClassSetData;
  /** The folder to write the images to; without it everything is returned, for a report in one file. */
  readonly folder?: string;
  /** Keep a photograph that already exists and is newer than its original. */
  readonly keepPhotos: boolean;
}

/** The result of {@link makePanel}. */
export interface PanelResult {
  readonly id: string;
  /** Whether there is a photograph. */
  readonly photo: boolean;
  /** The photograph, if the report is a single file. */
  readonly photoBytes?: Uint8Array;
  readonly header: PanelHeader;
  /** Planes and maps, deflated (RFC 1950), if the report is a single file. */
  readonly packed?: Uint8Array;
  /** The classes in the planes, by label, ascending. */
  readonly labels: readonly number[];
  readonly problems: readonly string[];
}

/**
 * Prepares an image for the gallery: the photograph as WebP, and the label maps and CAMs packed together. With a folder they
 * are written as `<file>.webp` and `<file>.js`, because a page opened from disk can load scripts but not read other files.
 * A part that cannot be read is left out and listed as a problem.
 */
export async function makePanel(task: PanelTask): Promise<PanelResult> {
  const problems: string[] = [];
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      problems.push(messageOf(error));
      return undefined;
    }
  };
  const classes = classSetOf(task.classSet);
  const planes: (LabelMap | undefined)[] = [];
  for (const source of task.labelMaps) planes.push(source === null ? undefined : await attempt(() => readTruth(source, { rgb: task.rgb, classes })));
  const photo = task.photoPath === undefined ? undefined : await attempt(() => makePhoto(task.photoPath!, task));
  const known = planes.find((plane) => plane !== undefined);
  const original = known === undefined ? task.boxes?.size : [known.height, known.width] as const;
  const size = photo?.size ?? (original === undefined ? [1, 1] as const : shownSize(original, task.imageSize));
  const cams = task.camPath === undefined ? undefined : await attempt(() => readCams(task.camPath!, task.layers, classes));

  const present = planes.filter((plane) => plane !== undefined);
  const { header: mapHeader, bytes: mapBytes } = packMaps(cams);
  const header: PanelHeader = {
    w: size[1], h: size[0], planes: planes.map((plane) => (plane === undefined ? 0 : 1)), ...mapHeader,
    ...task.boxes && { boxes: shownBoxes(task.boxes, size) },
  };
  // Run-length coding compresses labels almost as well as a full search, and is ten times as fast.
  const packed = deflateSync(Buffer.concat([...present.map((plane) => resizeLabels(plane, size)), ...mapBytes]), { strategy: zlib.Z_RLE });
  const labels = [...new Set(present.flatMap((plane) => labelsIn(plane, classes)))].sort((a, b) => a - b);
  const base = { id: task.id, photo: photo !== undefined, header, labels, problems };
  if (task.folder === undefined) return { ...base, photoBytes: photo?.bytes, packed };
  await writeFileAtomic(join(task.folder, `${task.file}.js`), panelScript(task.file, header, packed));
  return base;
}

/** The script that passes an image's planes and maps to the page. */
export function panelScript(file: string, header: PanelHeader, packed: Uint8Array): string {
  return `vocSeedsPanel(${scriptJson(file)},${scriptJson(header)},"${Buffer.from(packed).toString('base64')}")\n`;
}

/** The size at which an image is shown: its own size, scaled down to a longest side if larger. */
export function shownSize([height, width]: readonly [number, number], longest: number): readonly [height: number, width: number] {
  const factor = Math.min(1, longest / Math.max(height, width));
  return [Math.max(1, Math.round(height * factor)), Math.max(1, Math.round(width * factor))];
}

function shownBoxes({ size: [height, width], all }: NonNullable<PanelTask['boxes']>, [rows, columns]: readonly [number, number]): PageBox[] {
  const shown = (value: number, factor: number): number => Math.round(10 * value * factor) / 10;
  const [x, y] = [columns / width, rows / height];
  return all.map(({ edges: [left, top, right, bottom], ...rest }) => (
    { ...rest, edges: [shown(left, x), shown(top, y), shown(right, x), shown(bottom, y)] }));
}

interface ShownPhoto { readonly size: readonly [number, number]; readonly bytes?: Uint8Array }

async function makePhoto(path: string, { folder, file, imageSize, keepPhotos }: PanelTask): Promise<ShownPhoto> {
  const target = folder === undefined ? undefined : join(folder, `${file}.webp`);
  try {
    const kept = target !== undefined && keepPhotos && await isNewer(target, path) ? await readRegularFile(target) : undefined;
    if (kept !== undefined && isWholeWebp(kept)) {
      const { width, height } = await openImage(kept, {}).metadata();
      return { size: [height, width] };
    }
    const photo = await openPhoto(path);
    const size = shownSize(photo.original, imageSize);
    const bytes = await openImage(await photo.at(size), { raw: { width: size[1], height: size[0], channels: 3 } }).webp(WEBP).toBuffer();
    if (target === undefined) return { size, bytes };
    await writeFileAtomic(target, bytes);
    return { size };
  } catch (error) {
    throw error instanceof UserError ? error : photoError(path, error);
  }
}

/** Whether a WebP file is complete. Its RIFF header gives the number of bytes after the first eight. */
function isWholeWebp(bytes: Buffer): boolean {
  return bytes.length > 12 && bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.readUInt32LE(4) + 8 === bytes.length;
}

async function isNewer(path: string, than: string): Promise<boolean> {
  const [own, other] = await Promise.all([stat(path).catch(() => undefined), stat(than)]);
  return own !== undefined && own.mtimeMs >= other.mtimeMs;
}

/** Resizes a label map. Each pixel takes the label at its centre. */
export function resizeLabels({ width, height, data }: LabelMap, [rows, columns]: readonly [number, number]): Uint8Array {
  if (rows === height && columns === width) return data;
  const result = new Uint8Array(rows * columns);
  const from = Int32Array.from({ length: columns }, (_, x) => Math.floor(((x + 0.5) * width) / columns));
  for (let y = 0; y < rows; y++) {
    const start = Math.floor(((y + 0.5) * height) / rows) * width;
    for (let x = 0; x < columns; x++) result[y * columns + x] = data[start + from[x]];
  }
  return result;
}

function labelsIn({ data }: LabelMap, { labelCount }: ClassSet): number[] {
  const seen = new Uint8Array(256);
  for (const label of data) seen[label] = 1;
  return Array.from({ length: labelCount - 1 }, (_, i) => i + 1).filter((label) => seen[label] === 1);
}

/** The maps of one image, by class and layer. */
interface Cams {
  readonly height: number;
  readonly width: number;
  readonly maps: readonly ShownMap[];
}

interface ShownMap {
  readonly label: number;
  /** '' for the fused map. */
  readonly layer: string;
  /** [height, width] of `values`. */
  readonly size: readonly [number, number];
  readonly values: Float32Array;
}

/**
 * Reads `keys` [K] and `maps` [K, H, W] and, if the file has them, the maps of single layers, `layer_0` [K, h, w] and so on.
 *
 * @throws UserError that names the file
 */
async function readCams(path: string, names: readonly string[], { classes: { length: most } }: ClassSet): Promise<Cams | undefined> {
  try {
    const arrays = decodeNpz(await readRegularFile(path, (size) => { requireWithin('arrayBytes', size, `the maps ${path} have ${size} bytes`); }));
    const keys = arrays.get('keys');
    const maps = arrays.get('maps');
    if (keys === undefined || maps === undefined) throw new NpyError('it has no arrays \'keys\' and \'maps\'');
    const labels = Array.from(keys.values);
    if (labels.length === 0) return undefined;
    const [count, height, width] = maps.shape;
    if (maps.shape.length !== 3 || count !== labels.length) throw new NpyError(`its maps are [${maps.shape.join(', ')}], but there are ${labels.length} keys`);
    if (labels.length > most) throw new NpyError(`it has ${labels.length} keys, but there are ${most} classes`);
    if (maps.values.length === 0) throw new NpyError(`its maps are [${maps.shape.join(', ')}], which is empty`);
    if (labels.some((label) => !Number.isInteger(label) || label < 1 || label > most)) throw new NpyError(`its keys are ${labels.join(', ')}, but classes are 1..${most}`);
    const mapsOf = ({ shape: [, h, w], values }: NumberArray, layer: string): ShownMap[] => {
      const all = values instanceof Float32Array ? values : Float32Array.from(values);
      return labels.map((label, k) => ({ label, layer, size: [h, w] as const, values: all.subarray(k * h * w, (k + 1) * h * w) }));
    };
    const single: ShownMap[] = [];
    for (let i = 0; arrays.has(`layer_${i}`); i++) {
      const layer = arrays.get(`layer_${i}`)!;
      if (layer.shape.length === 3 && layer.shape[0] === count && layer.values.length > 0) single.push(...mapsOf(layer, names[i] ?? `layer ${i + 1}`));
    }
    return { height, width, maps: [...mapsOf(maps, ''), ...single] };
  } catch (error) {
    if (!(error instanceof NpyError)) throw error;
    throw new UserError(`the maps ${path} cannot be read: ${error.message}`, error.hint, { cause: error });
  }
}

function packMaps(cams: Cams | undefined): { header: Pick<PanelHeader, 'maps' | 'mw' | 'mh'>; bytes: Uint8Array[] } {
  if (cams === undefined) return { header: { maps: [], mw: 0, mh: 0 }, bytes: [] };
  const [mh, mw] = shownSize([cams.height, cams.width], MAP_SIDE);
  return {
    header: { maps: cams.maps.map(({ label, layer }) => [label, layer] as const), mw, mh },
    bytes: cams.maps.map(({ size, values }) => Uint8Array.from(
      resizeMap(values, size, [mh, mw]), (value) => Math.round(255 * Math.min(Math.max(value, 0), 1)),
    )),
  };
}
