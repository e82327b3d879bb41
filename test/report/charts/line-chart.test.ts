import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import type { LineChart } from '../../../src/report/charts/line-chart.js';
import { lineChartSvg } from '../../../src/report/charts/line-chart.js';

const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' });

interface Element { 'class'?: string; 'd'?: string; '#text'?: string | number; 'x'?: string; 'y'?: string }
interface Svg {
  'role': string; 'aria-label': string; 'viewBox': string; 'xmlns': string; 'title': string; 'desc': string;
  'text': Element[]; 'path': Element[]; 'svg': { path?: Element | Element[]; x: string; y: string; width: string; height: string };
}

function draw(chart: Partial<LineChart>): Svg {
  const svg = lineChartSvg({ title: 'Loss', xLabel: 'step', yLabel: 'loss', series: [], ...chart });
  expect(XMLValidator.validate(svg)).toBe(true);
  return (parser.parse(svg) as { svg: Svg }).svg;
}

const curves = ({ svg: { path } }: Svg): Element[] => (path === undefined ? [] : [path].flat());

// With one row of legend the plot is 480 x 240 pixels, its lower left corner at (80, 300).
describe('lineChartSvg', () => {
  it('puts points where they belong', () => {
    const [curve] = curves(draw({ series: [{ name: 'a', points: [[0, 0], [5, 0.5], [10, 1], [2.5, 0.25]] }], yRange: [0, 1] }));
    // x 80 + 48 x, y 300 - 240 y; drawn in the order of x.
    expect(curve.d).toBe('M80 300L200 240 320 180 560 60');
  });

  it('rounds the range of y to whole steps and keeps the range of x', () => {
    const chart = draw({ series: [{ name: 'a', points: [[1, 0.1], [3, 0.9]] }] });
    // y from 0 to 1: 0.1 is 24 pixels above the axis.
    expect(curves(chart)[0].d).toBe('M80 276L560 84');
    const labels = chart.text.filter(({ class: kind }) => kind === 'end').map((text) => [String(text['#text']), text.y]);
    // Steps of 0.2 are 48 pixels apart; the text stands 5 pixels below its line.
    expect(labels).toEqual([['0', '305'], ['0.2', '257'], ['0.4', '209'], ['0.6', '161'], ['0.8', '113'], ['1', '65']]);
    const xLabels = chart.text.filter(({ class: kind, y }) => kind === 'middle' && y === '321').map((text) => [String(text['#text']), text.x]);
    expect(xLabels).toEqual([['1', '80'], ['2', '320'], ['3', '560']]);
  });

  it('cuts off what lies outside a given range', () => {
    const { svg } = draw({ series: [{ name: 'a', points: [[0, -5], [1, 5]] }], yRange: [0, 1] });
    // 3 pixels around the plot.
    expect(svg).toMatchObject({ x: '77', y: '57', width: '486', height: '246' });
  });

  it('is broken at gaps, and shows a lonely point as a dot', () => {
    const points: [number, number][] = [[0, 0], [1, 1], [2, NaN], [3, 1], [4, Infinity], [5, 1], [6, 0]];
    const [line, dots] = curves(draw({ series: [{ name: 'a', points }], yRange: [0, 1] }));
    expect(line.d).toBe('M80 300L160 60M480 60L560 300');
    expect(dots.d).toBe('M320 60h.1');
    expect(dots.class).toContain('dot');
  });

  it('leaves out points without x', () => {
    const [line] = curves(draw({ series: [{ name: 'a', points: [[0, 0], [NaN, 7], [1, 1]] }], yRange: [0, 1] }));
    expect(line.d).toBe('M80 300L560 60');
  });

  it('shows a single value, equal values and no values', () => {
    expect(curves(draw({ series: [{ name: 'a', points: [[4, 7]] }], yRange: [0, 14] }))[0].d).toBe('M320 180h.1');
    // Around 2 the range is 1 to 3.
    expect(curves(draw({ series: [{ name: 'a', points: [[0, 2], [1, 2]] }] }))[0].d).toBe('M80 180L560 180');
    const empty = draw({ series: [{ name: 'a', points: [[0, NaN]] }] });
    expect(curves(empty)).toEqual([]);
    expect(empty.text.map((text) => text['#text'])).toContain('no data');
    expect(draw({}).desc).toBe('Line chart of loss against step.');
  });

  it('tells 30 series apart, without colour five', () => {
    const series = Array.from({ length: 31 }, (_, i) => ({ name: `s${i}`, points: [[0, i], [1, i]] as [number, number][] }));
    const chart = draw({ series });
    const classes = curves(chart).map((curve) => curve.class);
    expect(new Set(classes).size).toBe(30);
    // The first is drawn last, on top, and has the dashes that its legend shows.
    expect(chart.path.filter(({ class: kind }) => kind?.startsWith('curve')).map(({ class: kind }) => kind)).toEqual([...classes].reverse());
    const svg = lineChartSvg({ title: '', xLabel: '', yLabel: '', series });
    const dashes = [0, 1, 2, 3, 4].map((i) => new RegExp(`\\.d${i}\\{stroke-dasharray:([^}]+)`).exec(svg)?.[1]);
    expect(new Set(dashes).size).toBe(5);
  });

  it('has a row of legend more where the names need it', () => {
    const named = (count: number) => draw({ series: Array.from({ length: count }, () => ({ name: 'a name of 21 letters!', points: [[0, 0], [1, 1]] as [number, number][] })) });
    expect(named(2).viewBox).toBe('0 0 576 352');
    expect(named(3).viewBox).toBe('0 0 576 372');
  });

  it('is an image with a title and a description', () => {
    const chart = draw({ title: 'Loss of a run', series: [{ name: 'train', points: [[1, 2.5], [2, 3.25], [8, 0.5]] }, { name: 'none', points: [] }] });
    expect(chart).toMatchObject({ 'role': 'img', 'aria-label': 'Loss of a run', 'title': 'Loss of a run', 'xmlns': 'http://www.w3.org/2000/svg' });
    expect(chart.desc).toBe('Line chart of loss against step. train: 3 points from 2.5 at 1 to 0.5 at 8; lowest 0.5, highest 3.25. none: no data.');
  });

  it('escapes text', () => {
    const evil = '</title><script>alert("1")</script> & \u0001\ud800';
    const chart = draw({ title: evil, xLabel: '<x>', yLabel: '"y"', series: [{ name: 'a < b && \'c\'', points: [[0, 1]] }] });
    expect(chart.title).toBe('</title><script>alert("1")</script> & \ufffd\ufffd');
    expect(chart).not.toHaveProperty('script');
    expect(chart.text.map((text) => text['#text'])).toEqual(expect.arrayContaining(['<x>', '"y"', 'a < b && \'c\'']));
  });

  it('has colours for dark pages, and loads nothing', () => {
    const svg = lineChartSvg({ title: 'a', xLabel: 'b', yLabel: 'c', series: [{ name: 'd', points: [[0, 1]] }] });
    expect(svg).toMatch(/@media \(prefers-color-scheme:dark\)\{\.line-chart \.back\{fill:#16181c\}/);
    expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|@import|<script|<image|href/);
  });

  it('stays small, and keeps outliers, however many the points', () => {
    // Alternately 0 and 1, and one -1 and one 2.
    const points = Array.from({ length: 100_000 }, (_, i): [number, number] => [i, i === 31_416 ? 2 : i === 70_000 ? -1 : i % 2]);
    const svg = lineChartSvg({ title: 'a', xLabel: 'b', yLabel: 'c', series: [{ name: 'd', points }, { name: 'e', points: points.map(([x, y]) => [x, y / 2]) }], yRange: [-1, 2] });
    expect(svg.length).toBeLessThan(300_000);
    const drawn = curves((parser.parse(svg) as { svg: Svg }).svg).at(-1)!.d!.slice(1).split(/[L ]/);
    // At most four of each of 480 columns and of the right edge.
    expect(drawn.length / 2).toBeLessThanOrEqual(4 * 481);
    expect(drawn.filter((_, i) => i % 2 === 1).map(Number).filter((y) => y < 140 || y > 220)).toEqual([60, 300]);
  });

  it('stays small where every other value is missing', () => {
    const points = Array.from({ length: 100_000 }, (_, i): [number, number] => [i, i % 2 === 0 ? NaN : i % 7]);
    expect(lineChartSvg({ title: 'a', xLabel: 'b', yLabel: 'c', series: [{ name: 'd', points }] }).length).toBeLessThan(100_000);
  });
});
