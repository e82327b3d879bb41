// Reads the references that make.py and make_keras.py write; see the declarations beside it.
import { readFileSync } from 'node:fs';

const CELL = 12;

export function readReference(path) {
  const stored = JSON.parse(readFileSync(path, 'utf8'));
  return {
    ...stored,
    logits: floats(stored.logits),
    layers: stored.layers.map((layer) => ({
      ...layer,
      methods: Object.entries(layer.methods).map(([method, { noise, map }]) => ({ method, noise, map: floats(map) })),
    })),
  };
}

function floats(base64) {
  const bytes = Buffer.from(base64, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

export function referenceImage({ image, size: [height, width] }) {
  let state = image >>> 0;
  const draw = () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state >>> 24;
  };
  const [rows, columns] = [Math.ceil(height / CELL), Math.ceil(width / CELL)];
  const blobs = Array.from({ length: 3 * rows * columns }, draw);
  return Float32Array.from({ length: 3 * height * width }, (_, i) => {
    const [c, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    const blob = blobs[(c * rows + Math.floor(y / CELL)) * columns + Math.floor(x / CELL)];
    return ((3 * blob + draw()) >> 2) / 64 - 2;
  });
}
