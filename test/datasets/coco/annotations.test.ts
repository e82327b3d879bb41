import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAnnotations } from '../../../src/datasets/coco/annotations.js';
import { flatText, JsonArrays } from '../../../src/datasets/coco/json-arrays.js';
import { refusal, repository } from '../../helpers.js';

const tiny = join(repository, 'test/fixtures/coco/instances_tiny.json');
const text = readFileSync(tiny, 'utf8');
const value = JSON.parse(text) as Record<string, unknown[]>;

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'coco-')); });
afterAll(() => rm(folder, { recursive: true }));

interface Found { readonly key: string; readonly value: unknown; readonly offset: number; readonly flat: unknown }

function scan(json: string | Buffer, size = Infinity): Found[] {
  const bytes = Buffer.from(json);
  const found: Found[] = [];
  const scanner = new JsonArrays(['images', 'annotations', 'categories'], (element) => {
    found.push({ key: element.key, value: JSON.parse(element.bytes.toString()), offset: element.offset, flat: JSON.parse(flatText(element)) });
  });
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = Buffer.from(bytes.subarray(at, Math.min(bytes.length, at + size)));
    scanner.push(chunk);
    // What was passed may be overwritten.
    chunk.fill(0x22);
  }
  scanner.end();
  return found;
}

describe('JsonArrays', () => {
  it('finds the objects of JSON.parse, in chunks of any size', () => {
    for (const size of [1, 2, 3, 7, 64, 1000, Infinity]) {
      const found = scan(text, size);
      for (const key of ['images', 'annotations', 'categories']) {
        expect(found.filter((one) => one.key === key).map((one) => one.value)).toEqual(value[key]);
      }
      for (const { value: one, offset } of found) {
        expect(JSON.parse(text.slice(offset, offset + text.slice(offset).indexOf('\n  }') + 4))).toEqual(one);
      }
    }
  });

  it('reads strings with brackets, quotes and backslashes, and texts of many bytes', () => {
    const images = [{ name: 'a"}]\\', text: '\u00e9\u{1f600}[', list: [{ b: ['}'] }, []], after: 3 }, {}];
    for (const indent of [0, 1]) {
      const json = `\ufeff ${JSON.stringify({ x: 'no: "images": [{', y: [[{ images: [{}] }]], n: -1.5e3, t: true, images, z: null }, undefined, indent)}\r\n`;
      for (const size of [1, 5, Infinity]) expect(scan(json, size).map((one) => one.value)).toEqual(images);
    }
    expect(scan(JSON.stringify({ images }))[0].flat).toEqual({ ...images[0], list: null });
  });

  it('refuses what is not such a file', () => {
    const problem = (json: string): string => refusal(() => scan(json)).message;
    expect(problem('')).toBe('it is empty');
    expect(problem('[1, 2]')).toBe('it is not a JSON object');
    expect(problem('{"images": {}}')).toBe('its \'images\' is not a list');
    expect(problem('{"images": [{}, 3]}')).toBe('images[1] is not an object (at byte 16)');
    expect(problem('{"images": [], "images": []}')).toBe('it has the key \'images\' twice');
    expect(problem('{"images": [{}]} x')).toBe('there is text after its end (at byte 17)');
    expect(problem('{"images" [{}]}')).toBe('it is not JSON (at byte 10)');
    expect(problem('{images: [{}]}')).toBe('it is not JSON (at byte 1)');
    for (let length = 1; length < text.trimEnd().length; length += 97) {
      expect(problem(text.slice(0, length))).toBe(`it ends within its content, after ${length} bytes`);
    }
  });
});

describe('readAnnotations', () => {
  const read = async (json: unknown): Promise<Awaited<ReturnType<typeof readAnnotations>>> => {
    const path = join(folder, 'file.json');
    await writeFile(path, typeof json === 'string' ? json : JSON.stringify(json));
    return readAnnotations(path);
  };
  const problem = async (json: unknown): Promise<string> => {
    try {
      await read(json);
    } catch (error) {
      return (error as Error).message.replace(join(folder, 'file.json'), 'FILE');
    }
    throw new Error('nothing was thrown');
  };
  const good = { images: [{ id: 1, file_name: 'a.jpg', width: 3, height: 2 }], annotations: [], categories: [{ id: 4, name: 'dent' }] };

  it('reads images with their categories and the places of their annotations, in any order of the keys', async () => {
    const { images, categories, strays } = await readAnnotations(tiny);
    expect(images.map(({ id, fileName, width, height }) => [id, fileName, width, height]))
      .toEqual([[9, 'a.jpg', 40, 30], [139, 'sub/b.png', 18, 24], [7, 'c.jpg', 10, 10]]);
    expect(images.map((image) => [...image.categories].sort((a, b) => a - b))).toEqual([[1, 17, 67], [3, 17, 18, 90], []]);
    expect(categories.map(({ id }) => id)).toEqual([1, 3, 17, 18, 67, 90]);
    expect(strays).toEqual([]);
    for (const { id, places } of images) {
      const own = value.annotations.filter((one) => (one as { image_id: number }).image_id === id);
      const read = (i: number): unknown => JSON.parse(text.slice(places[2 * i], places[2 * i] + places[2 * i + 1]));
      expect(Array.from({ length: places.length / 2 }, (_, i) => read(i))).toEqual(own);
    }
  });

  it('keeps annotations of unknown images and categories apart', async () => {
    const annotations = [
      { id: 5, image_id: 2, category_id: 4 }, { id: 6, image_id: 1, category_id: 9 }, { id: 7, image_id: 1, category_id: 4 }, { id: 8, image_id: 1 },
    ];
    const { images: [image], strays, strayCount } = await read({ ...good, annotations });
    expect([strays, strayCount]).toEqual([[5], 1]);
    expect(image).toMatchObject({ categories: [4], strange: 6 });
  });

  it('refuses files that lack something', async () => {
    expect(await problem({ images: good.images, categories: [] })).toBe('the annotations FILE: it has no \'annotations\'');
    expect(await problem({ ...good, images: [] })).toBe('the annotations FILE: it has no images');
    expect(await problem({ ...good, images: [{ id: 'x', file_name: 'a.jpg', width: 3, height: 2 }] }))
      .toBe('the annotations FILE: images[0] has the id "x", but it must be a whole number');
    expect(await problem({ ...good, images: [{ id: 3, width: 3, height: 2 }] })).toBe('the annotations FILE: images[0] has no file_name');
    expect(await problem({ ...good, images: [{ id: 3, file_name: 'a.jpg', width: 0, height: 2 }] }))
      .toBe('the annotations FILE: images[0] has the width 0, but it must be a number of pixels');
    expect(await problem({ ...good, images: [...good.images, good.images[0]] })).toBe('the annotations FILE: images[1]: two images have the id 1');
    expect(await problem({ ...good, categories: [good.categories[0], good.categories[0]] }))
      .toBe('the annotations FILE: categories[1]: two categories have the id 4');
    expect(await problem({ ...good, annotations: [{ id: 3, category_id: 4 }] })).toBe('the annotations FILE: annotations[0] has no image_id');
    expect(await problem('{"images": [{"id": x}]}')).toMatch(/^the annotations FILE: images\[0\] is not JSON: /);
    await expect(readAnnotations(join(folder, 'none.json'))).rejects.toThrow('ENOENT');
  });
});
