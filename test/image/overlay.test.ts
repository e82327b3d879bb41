import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { heatColour, overlayHeat, writeRgbPng } from '../../src/image/overlay.js';

it('the heat map runs from dark blue over green to yellow, and stays there outside of [0, 1]', () => {
  expect([heatColour(0), heatColour(0.5), heatColour(1)]).toEqual([[68, 1, 84], [33, 144, 141], [253, 231, 37]]);
  // A sixteenth is halfway between (68, 1, 84) and (71, 44, 122).
  expect(heatColour(1 / 16)).toEqual([70, 23, 103]);
  expect([heatColour(-1), heatColour(7)]).toEqual([heatColour(0), heatColour(1)]);
});

it('an overlay keeps the photograph by 1 - opacity where the map is 1, and by 1 - opacity / 2 where it is 0', () => {
  const pixels = Uint8Array.of(100, 100, 100, 200, 0, 50);
  const result = overlayHeat(pixels, Float32Array.of(0, 1), 0.5);
  expect([...result]).toEqual([92, 75, 96, 227, 116, 44]);
  expect([...overlayHeat(pixels, Float32Array.of(0, 1), 0)]).toEqual([...pixels]);
});

it('PNG files hold the pixels as they are', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'voc-seeds-overlay-'));
  const pixels = Uint8Array.from({ length: 2 * 3 * 3 }, (_, i) => 14 * i);
  await writeRgbPng(join(folder, 'heat.png'), pixels, [2, 3]);
  const { data, info } = await sharp(join(folder, 'heat.png')).raw().toBuffer({ resolveWithObject: true });
  await rm(folder, { recursive: true });
  expect([info.width, info.height, info.channels, ...data]).toEqual([3, 2, 3, ...pixels]);
});
