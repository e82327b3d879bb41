// Turns the outlines of data/sample/polygons into VOC ground truth: SegmentationClass, Annotations, ImageSets, labels.txt.
//   node scripts/sample/rasterise.mjs
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encode } from 'fast-png';

/** The VOC classes in the official order: label 1 is the first. */
export const CLASSES = [
  'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow',
  'diningtable', 'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor',
];

const VOID = 255;

/** Void reaches this many pixels to either side of an outline: with the outline in the middle about 5, as in VOC. */
const BORDER = 2;

/**
 * Fills rings by the even-odd rule: a pixel is inside when its centre is.
 *
 * @param {number[][][]} rings closed rings of [x, y] in pixels, origin at the top left corner of the picture
 * @param {number} width of the picture
 * @param {number} height of the picture
 * @param {(pixel: number) => void} paint called with the index `y * width + x` of every pixel inside
 */
function fill(rings, width, height, paint) {
  for (let y = 0; y < height; y++) {
    const centre = y + 0.5;
    const crossings = [];
    for (const ring of rings) {
      for (let i = 0; i < ring.length; i++) {
        const [x0, y0] = ring[i];
        const [x1, y1] = ring[(i + 1) % ring.length];
        // Half open, so that a vertex on the line counts once.
        if ((y0 <= centre) !== (y1 <= centre)) crossings.push(x0 + (x1 - x0) * (centre - y0) / (y1 - y0));
      }
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = Math.max(0, Math.ceil(crossings[i] - 0.5));
      const to = Math.min(width, Math.ceil(crossings[i + 1] - 0.5));
      for (let x = from; x < to; x++) paint(y * width + x);
    }
  }
}

/** Void takes every pixel that has another object, or the background, in the 5 x 5 pixels around it, the corners left out. */
function drawBorders(labels, owners, width, height) {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const owner = owners[y * width + x];
      for (let v = Math.max(0, y - BORDER); v <= Math.min(height - 1, y + BORDER); v++) {
        for (let u = Math.max(0, x - BORDER); u <= Math.min(width - 1, x + BORDER); u++) {
          if (owners[v * width + u] !== owner && Math.abs(u - x) + Math.abs(v - y) < 2 * BORDER) labels[y * width + x] = VOID;
        }
      }
    }
  }
}

/**
 * Paints the shapes of a picture in their order, later ones over earlier ones, and draws the void border around every
 * object. Shapes of one class and instance are one object. The classes `background` and `ignore` paint 0 and 255.
 *
 * @param {{ width: number, height: number, shapes: object[] }} outlines the content of a file of data/sample/polygons
 * @returns labels: a byte per pixel, row by row (0, 1..20, 255); objects: in the order of their first shapes, each with
 *   the VOC bounding box of the pixels that are visible of it (1-based, inclusive)
 */
export function rasterise({ width, height, shapes }) {
  const labels = new Uint8Array(width * height);
  const owners = new Uint8Array(width * height);
  const objects = [];
  for (const shape of shapes) {
    const { class: name, instance, rings } = shape;
    let owner = 0;
    let label = 0;
    if (name === 'ignore') {
      owner = VOID;
      label = VOID;
    } else if (name !== 'background') {
      label = CLASSES.indexOf(name) + 1;
      if (label === 0) throw new Error(`unknown class ${name}`);
      owner = objects.findIndex((object) => object.name === name && object.instance === instance) + 1;
      if (owner === 0) owner = objects.push({ name, instance, truncated: false, difficult: false });
      const object = objects[owner - 1];
      object.truncated ||= shape.truncated === true;
      object.difficult ||= shape.difficult === true;
    }
    fill(rings, width, height, (pixel) => {
      owners[pixel] = owner;
      labels[pixel] = label;
    });
  }
  const boxes = objects.map(() => ({ xmin: width, ymin: height, xmax: 0, ymax: 0 }));
  owners.forEach((owner, pixel) => {
    const box = boxes[owner - 1];
    if (box === undefined) return;
    const x = pixel % width + 1;
    const y = Math.floor(pixel / width) + 1;
    box.xmin = Math.min(box.xmin, x);
    box.xmax = Math.max(box.xmax, x);
    box.ymin = Math.min(box.ymin, y);
    box.ymax = Math.max(box.ymax, y);
  });
  drawBorders(labels, owners, width, height);
  return {
    labels,
    objects: objects.map(({ name, truncated, difficult }, i) => ({ name, truncated, difficult, box: boxes[i] })),
  };
}

/** The VOC annotation of a picture as XML text, ending in a newline. */
export function annotationXml(id, { width, height }, objects) {
  const flag = (value) => value ? 1 : 0;
  const lines = [
    '<annotation>',
    '\t<folder>sample</folder>',
    `\t<filename>${id}.jpg</filename>`,
    '\t<size>', `\t\t<width>${width}</width>`, `\t\t<height>${height}</height>`, '\t\t<depth>3</depth>', '\t</size>',
    '\t<segmented>1</segmented>',
    ...objects.flatMap(({ name, truncated, difficult, box }) => [
      '\t<object>',
      `\t\t<name>${name}</name>`,
      '\t\t<pose>Unspecified</pose>',
      `\t\t<truncated>${flag(truncated)}</truncated>`,
      `\t\t<difficult>${flag(difficult)}</difficult>`,
      '\t\t<bndbox>',
      ...['xmin', 'ymin', 'xmax', 'ymax'].map((side) => `\t\t\t<${side}>${box[side]}</${side}>`),
      '\t\t</bndbox>',
      '\t</object>',
    ]),
    '</annotation>',
  ];
  return `${lines.join('\n')}\n`;
}

/** The line of labels.txt: the picture's path from the dataset's root and its classes in the official order. */
export function labelLine(id, objects) {
  const present = CLASSES.filter((name) => objects.some((object) => object.name === name));
  return [`JPEGImages/${id}.jpg`, ...present].join(' ');
}

/** The VOC colour map: bits 0, 1, 2 of a label are the highest bits of red, green, blue, bits 3, 4, 5 the next, and so on. */
function vocPalette() {
  return Array.from({ length: 256 }, (_, label) => [0, 1, 2].map((channel) => {
    let value = 0;
    for (let level = 0; level < 3; level++) value |= (label >> (3 * level + channel) & 1) << (7 - level);
    return value;
  }));
}

async function main() {
  const root = fileURLToPath(new URL('../../data/sample/', import.meta.url));
  const folders = { masks: 'SegmentationClass', annotations: 'Annotations', sets: 'ImageSets/Segmentation' };
  await Promise.all(Object.values(folders).map((folder) => mkdir(join(root, folder), { recursive: true })));
  const files = (await readdir(join(root, 'polygons'))).filter((name) => name.endsWith('.json')).sort();
  const ids = files.map((name) => name.slice(0, -'.json'.length));
  const lines = [];
  for (const id of ids) {
    const outlines = JSON.parse(await readFile(join(root, 'polygons', `${id}.json`), 'utf8'));
    const { width, height } = outlines;
    const { labels, objects } = rasterise(outlines);
    const png = encode({ width, height, data: labels, depth: 8, channels: 1, palette: vocPalette() }, { zlib: { level: 9 } });
    await writeFile(join(root, folders.masks, `${id}.png`), png);
    await writeFile(join(root, folders.annotations, `${id}.xml`), annotationXml(id, outlines, objects));
    lines.push(labelLine(id, objects));
  }
  await writeFile(join(root, folders.sets, 'sample.txt'), `${ids.join('\n')}\n`);
  await writeFile(join(root, 'labels.txt'), `${lines.join('\n')}\n`);
  console.log(`${ids.length} pictures`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
