import { UserError } from '../../errors.js';
import { openRegularFile } from '../../jobs/files/read-file.js';
import { printable } from '../../text/printable.js';
import { flatText, JsonArrays } from './json-arrays.js';
import type { ArrayElement } from './json-arrays.js';

/** A category of an annotation file. */
export interface CocoCategory {
  readonly id: number;
  readonly name: string;
}

/** An image of an annotation file. */
export interface CocoImage {
  readonly id: number;
  readonly fileName: string;
  readonly width: number;
  readonly height: number;
  /** The categories of its annotations, crowds included, each once. */
  readonly categories: readonly number[];
  /** The places of its annotations in the file: offset and length in bytes of each. */
  readonly places: readonly number[];
  /** The id of its first annotation without a category of the file, if there is one. */
  readonly strange?: number;
}

/** What an annotation file contains, without the outlines of objects. */
export interface CocoAnnotations {
  readonly images: readonly CocoImage[];
  /** In the order of their ids. */
  readonly categories: readonly CocoCategory[];
  /** Ids of the annotations of images that are not in the file; the first ones. */
  readonly strays: readonly number[];
  readonly strayCount: number;
}

const KEYS = ['images', 'annotations', 'categories'];

/** Bytes that are read at a time. */
const CHUNK = 2 ** 22;

/** The most strays that are named. */
const MOST_STRAYS = 5;

/**
 * Reads a COCO annotation file (`instances_*.json`) once from start to end. Outlines are not kept: {@link CocoImage.places} says where
 * they are. Memory grows with the number of images and annotations, not with the size of the file.
 *
 * @throws UserError if the file cannot be read, is cut off, or lacks something; it names the element
 */
export async function readAnnotations(path: string): Promise<CocoAnnotations> {
  const reader = new Reader();
  const { file } = await openRegularFile(path);
  try {
    const scanner = new JsonArrays(KEYS, (element) => { reader.add(element); });
    const chunk = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK, null);
      if (bytesRead === 0) break;
      scanner.push(chunk.subarray(0, bytesRead));
    }
    const found = scanner.end();
    const missing = KEYS.find((key) => !found.has(key));
    if (missing !== undefined) throw new UserError(`it has no '${missing}'`, missing === 'images' ? NO_COCO : 'image-level labels and masks need the annotations of objects: instances_*.json');
    return reader.result();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`the annotations ${path}: ${error.message}`, error.hint, { cause: error });
  } finally {
    await file.close();
  }
}

const NO_COCO = 'COCO annotations are an object with the keys images, annotations and categories';

type ImageEntry = Pick<CocoImage, 'id' | 'fileName' | 'width' | 'height'>;

/** Collects the elements of a file. The columns of annotations are plain lists of numbers, which need 8 bytes each. */
class Reader {
  private readonly images: ImageEntry[] = [];
  private readonly indices = new Map<number, number>();
  private readonly categories = new Map<number, string>();
  private readonly ids: number[] = [];
  private readonly imageIds: number[] = [];
  private readonly categoryIds: number[] = [];
  private readonly offsets: number[] = [];
  private readonly lengths: number[] = [];

  add(element: ArrayElement): void {
    const where = `${element.key}[${element.index}]`;
    const value = parse(flatText(element), where);
    if (element.key === 'images') this.addImage(value, where);
    else if (element.key === 'categories') this.addCategory(value, where);
    else {
      this.imageIds.push(numberIn(value, 'image_id', where));
      // An annotation without a category fails its image, not the file.
      this.categoryIds.push(typeof value.category_id === 'number' ? value.category_id : NaN);
      this.ids.push(typeof value.id === 'number' ? value.id : element.index);
      this.offsets.push(element.offset);
      this.lengths.push(element.bytes.length);
    }
  }

  private addImage(value: Fields, where: string): void {
    const id = numberIn(value, 'id', where);
    const fileName = textIn(value, 'file_name', where);
    const [width, height] = [sizeIn(value, 'width', where), sizeIn(value, 'height', where)];
    if (this.indices.has(id)) throw new UserError(`${where}: two images have the id ${id}`);
    this.indices.set(id, this.images.length);
    this.images.push({ id, fileName, width, height });
  }

  private addCategory(value: Fields, where: string): void {
    const id = numberIn(value, 'id', where);
    if (this.categories.has(id)) throw new UserError(`${where}: two categories have the id ${id}`);
    this.categories.set(id, textIn(value, 'name', where));
  }

  result(): CocoAnnotations {
    if (this.images.length === 0) throw new UserError('it has no images');
    const strays: number[] = [];
    let strayCount = 0;
    // The annotations of each image: the last one, and for each annotation the one before it.
    const last = new Int32Array(this.images.length).fill(-1);
    const previous = new Int32Array(this.ids.length);
    this.imageIds.forEach((imageId, i) => {
      const index = this.indices.get(imageId);
      if (index === undefined) {
        if (strayCount++ < MOST_STRAYS) strays.push(this.ids[i]);
      } else {
        previous[i] = last[index];
        last[index] = i;
      }
    });
    const images = this.images.map((image, index) => {
      const own: number[] = [];
      for (let i = last[index]; i >= 0; i = previous[i]) own.push(i);
      return this.withAnnotations(image, own.reverse());
    });
    const categories = [...this.categories].map(([id, name]) => ({ id, name })).sort((a, b) => a.id - b.id);
    return { images, categories, strays, strayCount };
  }

  private withAnnotations({ id, fileName, width, height }: ImageEntry, own: readonly number[]): CocoImage {
    const categories: number[] = [];
    const places: number[] = [];
    let strange: number | undefined;
    for (const i of own) {
      const category = this.categoryIds[i];
      if (!this.categories.has(category)) strange ??= this.ids[i];
      else if (!categories.includes(category)) categories.push(category);
      places.push(this.offsets[i], this.lengths[i]);
    }
    return { id, fileName, width, height, categories, places, strange };
  }
}

type Fields = Readonly<Record<string, unknown>>;

function parse(text: string, where: string): Fields {
  try {
    return JSON.parse(text) as Fields;
  } catch (cause) {
    throw new UserError(`${where} is not JSON: ${(cause as Error).message}`, 'download or write it again', { cause });
  }
}

function numberIn(value: Fields, key: string, where: string): number {
  const found = value[key];
  if (!Number.isSafeInteger(found)) throw wrong(value, key, where, 'a whole number');
  return found as number;
}

function sizeIn(value: Fields, key: string, where: string): number {
  const found = numberIn(value, key, where);
  if (found <= 0) throw wrong(value, key, where, 'a number of pixels');
  return found;
}

function textIn(value: Fields, key: string, where: string): string {
  const found = value[key];
  if (typeof found !== 'string' || found.trim() === '') throw wrong(value, key, where, 'a text');
  return found;
}

function wrong(value: Fields, key: string, where: string, expected: string): UserError {
  return key in value
    ? new UserError(`${where} has the ${key} ${printable(JSON.stringify(value[key]), 40)}, but it must be ${expected}`)
    : new UserError(`${where} has no ${key}`, NO_COCO);
}
