import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { MODEL_SPEC_KEY } from '../../src/classifier/spec.js';
import type { ModelSpec } from '../../src/classifier/spec.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { DataType, OnnxTensor } from '../../src/onnx/tensor.js';
import { writeModel } from '../../src/onnx/file/write.js';
import { VOC_CLASSES } from '../../src/datasets/classes/voc.js';

/** Numbers in [-1, 1), the same ones for the same seed (a linear congruential generator). */
export function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** The preprocessing that {@link writeTinyClassifier} writes down. */
export const tinySpec: ModelSpec = {
  logits: 'logits', channelOrder: 'bgr', scale: 1 / 255, mean: [0.5, 0.4, 0.3], std: [0.25, 0.5, 0.75], classes: [...VOC_CLASSES],
};

export interface TinyOptions {
  /** Class names, one per logit. */
  readonly classes?: readonly string[];
  /** A logit whose weights are all 0, and whose gradient therefore vanishes. */
  readonly silent?: number;
  /** What the metadata says in place of {@link tinySpec}; null: no metadata. */
  readonly metadata?: string | null;
}

/** Writes a classifier of five convolutions (strides 2 to 32), global average pooling and a linear layer, with random weights. */
export async function writeTinyClassifier(path: string, { classes = VOC_CLASSES, silent, metadata }: TinyOptions = {}): Promise<void> {
  const random = noise(7);
  const b = new GraphBuilder();
  b.reserve('image');
  const weights = (dims: number[], scale: number) => {
    const values = Float32Array.from({ length: dims.reduce((x, y) => x * y) }, () => scale * random());
    return b.constant(OnnxTensor.float32(dims, values));
  };
  let x = 'image';
  let channels = 3;
  for (const out of [6, 8, 8, 10, 12]) {
    const w = weights([out, channels, 3, 3], Math.sqrt(3 / (4.5 * channels)));
    x = b.relu(b.node('Conv', [x, w, weights([out], 0.1)], { strides: [2, 2], pads: [1, 1, 1, 1] }));
    channels = out;
  }
  const head = Float32Array.from({ length: classes.length * channels }, (_, i) => (Math.floor(i / channels) === silent ? 0 : random()));
  const w = b.constant(OnnxTensor.float32([classes.length, channels, 1, 1], head));
  b.alias(b.node('Flatten', [b.node('Conv', [b.node('GlobalAveragePool', [x]), w])]), 'logits');
  const text = metadata === undefined ? JSON.stringify({ ...tinySpec, classes }) : metadata;
  await writeModel(path, {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: 'test', metadata: text === null ? new Map() : new Map([[MODEL_SPEC_KEY, text]]),
    graph: {
      name: 'tiny', nodes: b.nodes, initializers: b.initializers,
      inputs: [{ name: 'image', type: DataType.float32, shape: ['N', 3, 'H', 'W'] }],
      outputs: [{ name: 'logits', type: DataType.float32, shape: ['N', classes.length] }],
    },
  });
}

/** A photograph of blobs and noise as JPEG; other seeds give other pictures. */
export async function photograph(seed: number, width: number, height: number): Promise<Buffer> {
  const random = noise(seed + 1);
  const blobs = Array.from({ length: 4 }, () => ({
    x: (random() + 1) / 2 * width, y: (random() + 1) / 2 * height, size: (0.1 + 0.1 * (random() + 1)) * Math.max(width, height),
    colour: [random(), random(), random()],
  }));
  const pixels = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    for (let c = 0; c < 3; c++) {
      let value = 128 + 10 * random();
      for (const blob of blobs) value += 100 * blob.colour[c] * Math.exp(-((x - blob.x) ** 2 + (y - blob.y) ** 2) / blob.size ** 2);
      pixels[3 * i + c] = Math.min(255, Math.max(0, value));
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } }).jpeg({ quality: 90 }).toBuffer();
}

/** A devkit in a temporary folder. */
export interface TinyDevkit {
  /** The temporary folder, to be removed in the end. */
  readonly folder: string;
  readonly root: string;
  readonly model: string;
}

/**
 * Makes a devkit: one photograph for each entry, the split `train`, XML annotations, and a classifier beside it.
 *
 * @param images by id: width, height and the names of the classes
 */
export async function makeDevkit(
  images: Readonly<Record<string, readonly [width: number, height: number, classes: readonly string[]]>>, options?: TinyOptions,
): Promise<TinyDevkit> {
  const folder = await mkdtemp(join(tmpdir(), 'voc-seeds-'));
  const root = join(folder, 'VOC2012');
  for (const part of ['JPEGImages', 'Annotations', 'ImageSets/Segmentation']) await mkdir(join(root, part), { recursive: true });
  const model = join(folder, 'tiny.onnx');
  await writeTinyClassifier(model, options);
  let seed = 0;
  for (const [id, [width, height, classes]] of Object.entries(images)) {
    await writeFile(join(root, 'JPEGImages', `${id}.jpg`), await photograph(seed++, width, height));
    await writeFile(join(root, 'Annotations', `${id}.xml`), annotation(classes));
  }
  await writeSplit(root, 'train', Object.keys(images));
  return { folder, root, model };
}

export function annotation(classes: readonly string[]): string {
  return `<annotation>${classes.map((name) => `<object><name>${name}</name><difficult>0</difficult></object>`).join('')}</annotation>`;
}

export async function writeSplit(root: string, name: string, ids: readonly string[]): Promise<void> {
  await writeFile(join(root, 'ImageSets/Segmentation', `${name}.txt`), ids.map((id) => `${id}\n`).join(''));
}
