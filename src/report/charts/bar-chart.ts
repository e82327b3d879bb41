import { escapeXml } from './escape.js';
import { niceRange, niceTicks } from './ticks.js';

/** A group of bars. */
export interface BarRow {
  readonly name: string;
  /** One value per series; NaN if there is none. */
  readonly values: readonly number[];
  /** The ends of an interval around the first value. */
  readonly interval?: readonly [low: number, high: number];
}

/** A chart to draw. */
export interface BarChart {
  readonly title: string;
  /** The quantity and its unit. */
  readonly unit: string;
  /** The names of the series. A single series has no legend. */
  readonly series: readonly string[];
  readonly rows: readonly BarRow[];
  /** Decimals of the values next to the bars. */
  readonly decimals?: number;
  /** The values are differences: they are shown with a sign, and negative ones in another colour. */
  readonly signed?: boolean;
  /** The ends of the axis. Default: round numbers around 0 and the values. */
  readonly range?: readonly [min: number, max: number];
}

/** Sizes in pixels. Fonts are large for the width, as in the line chart. */
const WIDTH = 440;
const HEAD = 36;
const LEGEND_ROW = 22;
const FOOT = 48;
const VALUE = 52;
const BAR = 14;
const ROW_GAP = 9;
const CHARACTER = 7.6;
const LONGEST_NAME = 24;
const TICKS = 5;

/**
 * A horizontal bar chart as a self-contained SVG image without scripts or fonts. It follows the reader's light or dark scheme,
 * has a title and a description, and shows the value of every bar as text.
 */
export function barChartSvg({ title, unit, series, rows, decimals = 1, signed = false, range }: BarChart): string {
  const finite = rows.flatMap(({ values, interval }) => [...values, ...interval ?? []]).filter(Number.isFinite);
  const [lowest, highest] = [Math.min(0, ...finite), Math.max(0, ...finite)];
  const [min, max] = range ?? niceRange(lowest, lowest === highest ? 1 : highest, TICKS);
  const names = rows.map(({ name }) => shortened(name));
  const left = 16 + CHARACTER * Math.max(4, ...names.map((name) => name.length));
  const negativeRoom = min < 0 ? VALUE : 0;
  const plot = WIDTH - left - VALUE - negativeRoom;
  const toX = (value: number): number => left + negativeRoom + (plot * (Math.min(Math.max(value, min), max) - min)) / (max - min);
  const legendRows = series.length > 1 ? 1 : 0;
  const top = HEAD + LEGEND_ROW * legendRows;
  const rowHeight = BAR * Math.max(1, series.length) + ROW_GAP;
  const bottom = top + rowHeight * rows.length;
  const ticks = niceTicks(min, max, TICKS);
  const text = (value: number): string => (Number.isFinite(value) ? `${signed && value > 0 ? '+' : ''}${value.toFixed(decimals).replace('-', '\u2212')}` : '–');
  const height = bottom + FOOT;
  const bars = rows.flatMap(({ values, interval }, i) => values.flatMap((value, s) => {
    const y = top + rowHeight * i + ROW_GAP / 2 + BAR * s;
    const known = Number.isFinite(value);
    const [from, to] = known ? [toX(Math.min(0, value)), toX(Math.max(0, value))] : [toX(0), toX(0)];
    const kind = signed ? (value < 0 ? 'less' : 'more') : `b${s % 3}`;
    const whisker = s === 0 && interval !== undefined && interval.every(Number.isFinite)
      ? [`<path class="whisker" d="M${px(toX(interval[0]))} ${px(y + BAR / 2)}H${px(toX(interval[1]))}m0 -3.5v7M${px(toX(interval[0]))} ${px(y + BAR / 2 - 3.5)}v7"/>`]
      : [];
    const end = Math.max(to, s === 0 && interval !== undefined ? toX(interval[1]) : 0);
    const onLeft = known && value < 0;
    return [
      `<rect class="${kind}" x="${px(from)}" y="${px(y)}" width="${px(Math.max(to - from, known ? 1 : 0))}" height="${BAR - 2}" rx="1.5"/>`,
      ...whisker,
      `<text class="value${onLeft ? ' end' : ''}" x="${px(onLeft ? from - 5 : end + 5)}" y="${px(y + BAR - 3)}">${text(value)}</text>`,
    ];
  }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="bar-chart" role="img" aria-label="${escapeXml(title)}" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">`,
    `<title>${escapeXml(title)}</title>`,
    `<desc>${escapeXml(`Bar chart in ${unit}. ${rows.map(({ name, values }) => `${name}: ${values.map(text).join(' and ')}`).join('; ')}.`)}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="back" width="${WIDTH}" height="${height}"/>`,
    `<text class="heading" x="12" y="22">${escapeXml(title)}</text>`,
    ...(legendRows === 0 ? [] : legend(series)),
    ...ticks.values.map((value, i) => (
      `<path class="${value === 0 ? 'axis' : 'grid'}" d="M${px(toX(value))} ${top}V${bottom}"/><text class="middle" x="${px(toX(value))}" y="${bottom + 18}">${ticks.labels[i].replace('-', '\u2212')}</text>`
    )),
    `<text class="middle" x="${px(left + negativeRoom + plot / 2)}" y="${bottom + 38}">${escapeXml(unit)}</text>`,
    ...names.map((name, i) => `<text class="end" x="${left - 8}" y="${px(top + rowHeight * i + rowHeight / 2 + 4.5)}">${escapeXml(name)}</text>`),
    ...bars,
    '</svg>',
    '',
  ].join('\n');
}

/** The names of the series next to their colours, in one line. */
function legend(series: readonly string[]): string[] {
  let x = 12;
  return series.map((name, s) => {
    const item = `<rect class="b${s % 3}" x="${x}" y="${HEAD}" width="14" height="12" rx="1.5"/><text x="${x + 20}" y="${HEAD + 11}">${escapeXml(shortened(name))}</text>`;
    x += 40 + CHARACTER * shortened(name).length;
    return item;
  });
}

/** A coordinate, rounded to a tenth of a pixel. */
function px(value: number): string {
  return String(Math.round(10 * value) / 10);
}

function shortened(text: string): string {
  const all = [...text];
  return all.length <= LONGEST_NAME ? text : `${all.slice(0, LONGEST_NAME - 1).join('')}…`;
}

interface Scheme {
  readonly back: string;
  readonly ink: string;
  readonly grid: string;
  readonly bars: readonly string[];
  readonly more: string;
  readonly less: string;
}

function scheme({ back, ink, grid, bars, more, less }: Scheme): string {
  return [
    `.bar-chart .back{fill:${back}}`,
    `.bar-chart text{fill:${ink}}`,
    `.bar-chart .axis,.bar-chart .whisker{stroke:${ink}}`,
    `.bar-chart .grid{stroke:${grid}}`,
    ...bars.map((colour, i) => `.bar-chart .b${i}{fill:${colour}}`),
    `.bar-chart .more{fill:${more}}`,
    `.bar-chart .less{fill:${less}}`,
  ].join('');
}

const STYLE = [
  '.bar-chart text{font:14px system-ui,sans-serif}',
  '.bar-chart .heading{font-size:16px;font-weight:600}',
  '.bar-chart .value{font-size:13px;font-variant-numeric:tabular-nums}',
  '.bar-chart .middle{text-anchor:middle}',
  '.bar-chart .end{text-anchor:end}',
  '.bar-chart path{fill:none}',
  '.bar-chart .whisker{stroke-width:1.5}',
  scheme({ back: '#fff', ink: '#222', grid: '#ddd', bars: ['#2f7fbf', '#e08a3c', '#3f9e78'], more: '#2f7fbf', less: '#d9822b' }),
  `@media (prefers-color-scheme:dark){${scheme({ back: '#16181c', ink: '#e4e4e4', grid: '#3a3d42', bars: ['#62b6ec', '#f59a5c', '#43cfa0'], more: '#62b6ec', less: '#f59a5c' })}}`,
].join('');
