import { describe, expect, it } from 'vitest';
import { VOC } from '../../../src/datasets/classes/voc.js';
import { overlayChoices, sortChoices } from '../../../src/report/run/gallery-section.js';
import { num, percent, table } from '../../../src/report/run/html.js';
import type { RunRecord } from '../../../src/report/run/record.js';
import { overview } from '../../../src/report/run/run-sections.js';
import { mapsText, thresholdSection, usedThreshold } from '../../../src/report/run/score-sections.js';
import { scriptJson } from '../../../src/report/run/script-json.js';

describe('pieces of the page', () => {
  it('escapes every cell of a table', () => {
    const html = table('<b>', ['a & b', 'n'], [['<img src=x onerror=alert(1)>', num('1')], ['"', num('2')]]);
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(html).not.toContain('<img');
    expect(html).not.toContain('<b>');
    expect(html).toContain('<th scope="col">a &amp; b</th><th scope="col" class="num">n</th>');
    expect(html).toContain('<td class="num">2</td>');
  });

  it('writes percentages', () => {
    expect([0.4567, 1, 0, NaN].map((share) => percent(share))).toEqual(['45.7', '100.0', '0.0', '–']);
  });

  it('writes JSON that cannot end a script element', () => {
    const value = { id: '</script><!--<script>', line: '\u2028\u2029 &' };
    const json = scriptJson(value);
    expect(json).not.toMatch(/[<>&\u2028\u2029]/);
    expect(JSON.parse(json)).toEqual(value);
  });

  it('gives every overlay a key of its own', () => {
    const all = overlayChoices(['deep', 'CAM', 'Unrefined', 'Refined', 'other'], { truth: true, maps: true });
    expect(all.map(({ value }) => value)).toEqual([
      'photo', 'map', 'labels:0', 'labels:1', 'labels:2', 'labels:3', 'labels:4', 'truth', 'errors:0', 'errors:1', 'errors:2', 'errors:3', 'errors:4',
    ]);
    expect(new Set(all.map(({ key }) => key)).size).toBe(13);
    expect(overlayChoices(['Seeds'], { truth: false, maps: false }).map(({ value }) => value)).toEqual(['photo', 'labels:0']);
    expect(sortChoices(['Seeds'], false).map(({ value }) => value)).toEqual(['id', 'random', 'most', 'fewest']);
    expect(sortChoices(['a', 'b'], true).map(({ name }) => name).slice(0, 4)).toEqual(['IoU, worst first', 'IoU, best first', 'a worse than b', 'a better than b']);
  });

  it.each([
    [{ refine: 'pamr,random-walk:beta=600', edgeUpsample: 'none' }, 'refined by pamr,random-walk:beta=600'],
    [{ refine: 'none', edgeUpsample: 'none' }, 'not refined'],
    [{ refine: '' }, 'not refined'],
    [{ refine: 'none', edgeUpsample: 'guided:radius=4' }, 'upsampled along edges by guided:radius=4 and not refined'],
    [{ refine: 'slic', edgeUpsample: 'guided' }, 'upsampled along edges by guided and refined by slic'],
    [{}, 'the run does not say whether they were refined'],
    [{ refine: 3 }, 'the run does not say whether they were refined'],
  ])('says what stored maps are: %j', (settings, text) => { expect(mapsText(settings)).toBe(text); });

  it('names the methods of the layers, and what a resumed run took', () => {
    const tiles = (record: RunRecord): string => overview({ folder: 'seeds', classes: VOC, record, images: [], unseeded: [], remarks: [] }, [{ name: 'Seeds', paths: new Map(), byImage: new Map() }]);
    expect(tiles({ settings: { method: 'layer-cam', layers: ['a@layer-cam', 'b@layer-cam', 'c@grad-cam'] } })).toContain('<dt>Method</dt><dd>layer-cam, grad-cam</dd>');
    expect(tiles({ settings: { method: 'layer-cam', layers: ['c@cam'] } })).toContain('<dt>Method</dt><dd>cam</dd>');
    expect(tiles({ settings: { method: 'score-cam', layers: ['/32'] } })).toContain('<dt>Method</dt><dd>score-cam</dd>');
    expect(tiles({ settings: { layers: ['/32'] } })).not.toContain('Method');
    const speed = { imagesPerSecond: 2, seconds: 10 };
    expect(tiles({ ...speed, counts: { written: 20, resumed: 0 } })).toContain('<small>10.0 s in all</small>');
    expect(tiles({ ...speed, counts: { written: 20, resumed: 1300 } })).toContain('<small>10.0 s for 20 images, 1,300 were done before</small>');
  });

  it('marks the threshold that the run used, where it used one', () => {
    const points = Array.from({ length: 100 }, (_, i) => ({ threshold: i / 100, meanIou: 0.5 - Math.abs(i - 30) / 200 }));
    const curve = { points, best: points[30], images: 1234 };
    const html = thresholdSection(curve, { settings: { threshold: 0.4, background: 'constant' } });
    expect(html).toContain('used: 0.40');
    expect(html).toContain('The best threshold, 0.30, reaches 50.0\u00a0%. It was chosen with the masks');
    // 0.5 - 10 / 200
    expect(html).toContain('The run used 0.40, which gives 45.0\u00a0% here.');
    expect(html).toContain('1,234 images');
    const otsu = thresholdSection(curve, { settings: { threshold: 0.4, background: 'otsu' } });
    expect(otsu).not.toContain('used:');
    expect(otsu).toContain('background: otsu');
    expect(thresholdSection(curve, {})).toContain('The run does not say which threshold it used, so none is marked.');
    expect(thresholdSection(undefined, {})).toBe('');
    expect(thresholdSection(curve, { settings: { refine: 'random-walk:beta=600' } })).toContain('1,234 images whose maps were saved, refined by random-walk:beta=600.');
    expect([usedThreshold({ threshold: 0.4 }), usedThreshold({}), usedThreshold({ threshold: 0.4, background: 'power' })]).toEqual([0.4, undefined, undefined]);
  });
});
