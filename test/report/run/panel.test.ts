import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { VOC } from '../../../src/datasets/classes/voc.js';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { inflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeNpz } from '../../../src/formats/numpy/npz.js';
import { makePanel, panelScript, resizeLabels, shownSize } from '../../../src/report/run/panel.js';
import type { PanelTask } from '../../../src/report/run/panel.js';
import { writeMask } from '../../../src/datasets/masks.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-report-')); });
afterAll(() => rm(folder, { recursive: true }));

describe('panels', () => {
  it('resizes labels by the pixel in the middle', () => {
    const map = { width: 4, height: 2, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
    expect([...resizeLabels(map, [2, 4])]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    // Middles of halves: columns 1 and 3 of the second row.
    expect([...resizeLabels(map, [1, 2])]).toEqual([6, 8]);
    expect([...resizeLabels({ width: 2, height: 1, data: Uint8Array.of(3, 9) }, [2, 4])]).toEqual([3, 3, 9, 9, 3, 3, 9, 9]);
    expect(shownSize([375, 500], 500)).toEqual([375, 500]);
    expect(shownSize([1000, 2000], 500)).toEqual([250, 500]);
    expect(shownSize([3, 20000], 500)).toEqual([1, 500]);
  });

  const task = (more: Partial<PanelTask>): PanelTask => ({ id: 'x', file: 'x', labelMaps: [], layers: [], imageSize: 500, keepPhotos: false, classSet: VOC.data, ...more });

  it('packs planes and maps so that they come out again', async () => {
    const [truth, seeds, cams] = ['truth.png', 'seeds.png', 'cams.npz'].map((name) => join(folder, name));
    await writeMask(truth, { width: 3, height: 2, data: Uint8Array.of(0, 12, 12, 0, 255, 12) }, 'palette');
    await writeMask(seeds, { width: 3, height: 2, data: Uint8Array.of(8, 0, 12, 0, 0, 12) }, 'palette');
    await writeFile(cams, encodeNpz({
      keys: { shape: [1], data: Int32Array.of(12) }, maps: { shape: [1, 2, 3], data: Float32Array.of(0, 1, 0.4, -1, 2, 0.2) },
      layer_0: { shape: [1, 2, 3], data: Float32Array.of(0, 0, 0, 0, 0, 0) }, layer_1: { shape: [1, 1, 2], data: Float32Array.of(1, 0) },
    }));
    const { header, packed, labels, problems, photo } = await makePanel(task({ labelMaps: [truth, null, seeds], camPath: cams, layers: ['/16', '/32'] }));
    expect(problems).toEqual([]);
    expect(photo).toBe(false);
    expect(labels).toEqual([8, 12]);
    expect(header).toEqual({ w: 3, h: 2, planes: [1, 0, 1], maps: [[12, ''], [12, '/16'], [12, '/32']], mw: 3, mh: 2 });
    expect([...inflateSync(packed!)]).toEqual([
      0, 12, 12, 0, 255, 12, 8, 0, 12, 0, 0, 12, 0, 255, 102, 0, 255, 51, 0, 0, 0, 0, 0, 0, 255, 128, 0, 255, 128, 0,
    ]);
    const sent: unknown[] = [];
    runInNewContext(panelScript('x', header, packed!), { vocSeedsPanel: (...args: unknown[]) => sent.push(...args) });
    expect(sent[0]).toBe('x');
    expect(JSON.parse(JSON.stringify(sent[1]))).toEqual(header);
    expect(sent[2]).toBe(Buffer.from(packed!).toString('base64'));
  });

  it('shows the rest where a part cannot be read, and says why', async () => {
    const seeds = join(folder, 'good.png');
    await writeMask(seeds, { width: 2, height: 1, data: Uint8Array.of(0, 3) }, 'palette');
    const broken = join(folder, 'broken');
    await writeFile(broken, 'this is nothing');
    const { header, problems, labels } = await makePanel(task({ labelMaps: [broken, seeds], photoPath: broken, camPath: broken }));
    expect(header).toMatchObject({ w: 2, h: 1, planes: [0, 1], maps: [] });
    expect(labels).toEqual([3]);
    expect(problems).toHaveLength(3);
    expect(problems[0]).toMatch(/^mask .*broken cannot be read/);
    expect(problems[1]).toMatch(/^cannot read the photograph .*broken/);
    expect(problems[2]).toMatch(/^the maps .*broken cannot be read/);
  });

  it('holds large photographs down, with the labels', async () => {
    const [photo, seeds] = [join(folder, 'large.jpg'), join(folder, 'large.png')];
    await sharp({ create: { width: 640, height: 320, channels: 3, background: { r: 200, g: 10, b: 10 } } }).jpeg().toFile(photo);
    await writeMask(seeds, { width: 640, height: 320, data: new Uint8Array(640 * 320).fill(5) }, 'palette');
    const { header, photoBytes, packed } = await makePanel(task({ labelMaps: [null, seeds], photoPath: photo, imageSize: 64 }));
    expect(header).toMatchObject({ w: 64, h: 32, planes: [0, 1] });
    expect(inflateSync(packed!)).toHaveLength(64 * 32);
    const { format, width, height } = await sharp(photoBytes).metadata();
    expect([format, width, height]).toEqual(['webp', 64, 32]);
    const [r, g] = await sharp(photoBytes).raw().toBuffer();
    expect(Math.abs(r - 200)).toBeLessThan(6);
    expect(Math.abs(g - 10)).toBeLessThan(8);
  });
});
