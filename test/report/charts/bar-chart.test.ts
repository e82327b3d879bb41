import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import type { BarChart } from '../../../src/report/charts/bar-chart.js';
import { barChartSvg } from '../../../src/report/charts/bar-chart.js';

interface Bar { '@_class': string; '@_x': string; '@_y': string; '@_width': string }
interface Svg { 'title': string; 'desc': string; '@_aria-label': string; '@_role': string; 'rect': Bar[]; 'text': unknown[] }

function drawn(chart: BarChart) {
  const svg = barChartSvg(chart);
  expect(XMLValidator.validate(svg)).toBe(true);
  const parsed = (new XMLParser({ ignoreAttributes: false, parseTagValue: false, isArray: (name) => name === 'rect' }).parse(svg) as { svg: Svg }).svg;
  const bars = parsed.rect.filter((rect) => rect['@_class'] !== 'back' && rect['@_width'] !== '14')
    .map((rect) => ({ kind: rect['@_class'], from: Number(rect['@_x']), width: Number(rect['@_width']) }));
  return { svg, parsed, bars, texts: parsed.text.map((text) => (typeof text === 'string' ? text : (text as { '#text': string })['#text'])) };
}

// Names of up to four characters leave 440 - 52 - (16 + 4 * 7.6) = 341.6 pixels for the bars, from x = 46.4 on.
const left = 46.4;
const plot = 341.6;

describe('barChartSvg', () => {
  it('draws bars as long as their values', () => {
    const { bars, parsed, texts } = drawn({
      title: 'IoU', unit: 'IoU in %', series: ['IoU'], range: [0, 100], rows: [{ name: 'cat', values: [50] }, { name: 'dog', values: [100] }, { name: 'cow', values: [0] }],
    });
    expect(bars.map(({ kind }) => kind)).toEqual(['b0', 'b0', 'b0']);
    expect(bars.map(({ from }) => from)).toEqual([left, left, left]);
    expect(bars[0].width).toBeCloseTo(plot / 2, 1);
    expect(bars[1].width).toBeCloseTo(plot, 1);
    // A hair, so that a value of 0 can be told from none.
    expect(bars[2].width).toBe(1);
    expect(parsed.title).toBe('IoU');
    expect(parsed['@_role']).toBe('img');
    expect(parsed['@_aria-label']).toBe('IoU');
    expect(parsed.desc).toBe('Bar chart in IoU in %. cat: 50.0; dog: 100.0; cow: 0.0.');
    expect(texts).toEqual(expect.arrayContaining(['cat', 'dog', '50.0', '100.0', 'IoU in %']));
  });

  it('draws two series beside each other, with a legend', () => {
    const { bars, texts } = drawn({ title: 't', unit: 'u', series: ['one', 'two'], range: [0, 10], rows: [{ name: 'x', values: [5, 2.5] }] });
    expect(bars.map(({ kind }) => kind)).toEqual(['b0', 'b1']);
    expect(bars[0].width / bars[1].width).toBeCloseTo(2, 2);
    expect(texts).toEqual(expect.arrayContaining(['one', 'two']));
  });

  it('draws differences to both sides of zero, with signs and colours', () => {
    const { bars, texts, parsed } = drawn({
      title: 't', unit: 'u', series: ['d'], signed: true, range: [-10, 10], rows: [{ name: 'up', values: [10] }, { name: 'down', values: [-5] }],
    });
    expect(bars.map(({ kind }) => kind)).toEqual(['more', 'less']);
    expect(bars[1].from + bars[1].width).toBeCloseTo(bars[0].from, 1);
    expect(bars[0].width / bars[1].width).toBeCloseTo(2, 2);
    expect(texts).toEqual(expect.arrayContaining(['+10.0', '−5.0']));
    expect(parsed.desc).toContain('up: +10.0; down: −5.0.');
  });

  it('draws an interval from its low to its high end', () => {
    const { svg } = drawn({ title: 't', unit: 'u', series: ['s'], range: [0, 100], rows: [{ name: 'x', values: [50], interval: [25, 75] }] });
    const [, from, to] = /class="whisker" d="M([\d.]+) [\d.]+H([\d.]+)/.exec(svg)!.map(Number);
    expect(from).toBeCloseTo(left + plot / 4, 1);
    expect(to).toBeCloseTo(left + (3 * plot) / 4, 1);
  });

  it('takes round numbers around zero and the values where no range is given', () => {
    const { texts } = drawn({ title: 't', unit: 'u', series: ['s'], rows: [{ name: 'x', values: [44.9] }, { name: 'y', values: [39.9] }] });
    expect(texts).toEqual(expect.arrayContaining(['0', '10', '20', '30', '40', '50']));
    const below = drawn({ title: 't', unit: 'u', series: ['s'], signed: true, rows: [{ name: 'x', values: [-27] }] });
    expect(below.texts).toEqual(expect.arrayContaining(['−30', '−20', '−10', '0']));
    expect(below.texts).not.toContain('10');
  });

  it('shows a dash where there is no value, and holds without rows', () => {
    const { bars, texts } = drawn({ title: 't', unit: 'u', series: ['s'], range: [0, 1], rows: [{ name: 'x', values: [NaN] }] });
    expect(bars[0].width).toBe(0);
    expect(texts).toContain('–');
    expect(drawn({ title: 't', unit: 'u', series: ['s'], rows: [] }).bars).toEqual([]);
  });

  it('escapes names and titles', () => {
    const { svg, parsed } = drawn({ title: '<script>&"', unit: '<u>', series: ['s'], rows: [{ name: '<img onerror=1>', values: [1] }] });
    expect(svg).not.toMatch(/<script|<img|<u>/);
    expect(parsed.title).toBe('<script>&"');
  });
});
