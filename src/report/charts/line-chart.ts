import type { Point } from './downsample.js';
import { stretches } from './downsample.js';
import { escapeXml } from './escape.js';
import { niceRange, niceTicks } from './ticks.js';

/** A curve of a chart. */
export interface ChartSeries {
  readonly name: string;
  /** In any order; drawn in the order of x. A y that is not finite is a gap. Points without a finite x are left out. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Draw it thin and pale, for raw values behind a smoothed curve. */
  readonly faint?: boolean;
}

/** A chart to draw. */
export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** The first one is drawn on top. */
  readonly series: readonly ChartSeries[];
  /** The ends of the y axis. Default: round numbers around the values. Curves are cut off outside of it. */
  readonly yRange?: readonly [min: number, max: number];
}

/** Sizes in pixels. Fonts are large for the width, so that a chart can still be read on a phone. */
const WIDTH = 576;
const LEFT = 80;
const PLOT = { width: 480, height: 240 };
const TITLE_HEIGHT = 40;
const LEGEND_ROW = 20;
const FOOT = 52;
/** Room for half the width of a curve at the edge of the plot. */
const OVERHANG = 3;
/** The average character width of the title and of other text, in a wide font. */
const CHARACTER = { title: 10.5, text: 8.5 };
const TICKS = { x: 6, y: 5 };

/** Curves differ in colour and dashes. The numbers of both have no common divisor, so 30 series look different. */
const DASHES = ['', '7 4', '2 4', '10 3 2 3', '14 4'];
const COLOURS = {
  light: ['#0068a8', '#c24e00', '#007a58', '#9c3d78', '#6a5f00', '#5b4bb5'],
  dark: ['#62b6ec', '#f59a5c', '#43cfa0', '#e79cc8', '#d6c744', '#aea2f5'],
};

/**
 * A line chart as a self-contained SVG image without scripts or fonts. It follows the reader's light or dark scheme, has a title
 * and a description for screen readers, and can be a separate file or part of an HTML page. At most four points per curve and
 * column of pixels are drawn.
 */
export function lineChartSvg({ title, xLabel, yLabel, series, yRange }: LineChart): string {
  const sorted = series.map(({ points, ...rest }) => ({ ...rest, points: points.filter(([x]) => Number.isFinite(x)).sort(([a], [b]) => a - b) }));
  const legend = legendLayout(series);
  const top = TITLE_HEIGHT + LEGEND_ROW * legend.rows;
  const bottom = top + PLOT.height;
  const all = sorted.flatMap(({ points }) => points);
  const [x0, x1] = widened(extent(all.map(([x]) => x)));
  const [y0, y1] = yRange === undefined ? niceRange(...widened(extent(all.map(([, y]) => y))), TICKS.y) : widened(yRange);
  const toX = (x: number): number => LEFT + (PLOT.width * (x - x0)) / (x1 - x0);
  const toY = (y: number): number => bottom - (PLOT.height * (y - y0)) / (y1 - y0);

  const whole = all.every(([x]) => Number.isInteger(x));
  const xTicks = niceTicks(x0, x1, TICKS.x, whole);
  const yTicks = niceTicks(y0, y1, TICKS.y);
  const height = bottom + FOOT;
  const right = LEFT + PLOT.width;
  const middle = px((top + bottom) / 2);
  const curves = sorted.map(({ points, faint }, i) => curve(points.map(([x, y]): Point => [toX(x), toY(y)]), i, faint));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="line-chart" role="img" aria-label="${escapeXml(title)}" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">`,
    `<title>${escapeXml(title)}</title>`,
    `<desc>${escapeXml(description(sorted, xLabel, yLabel))}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="back" width="${WIDTH}" height="${height}"/>`,
    `<text class="heading" x="${LEFT}" y="24">${escapeXml(shortened(title, (WIDTH - LEFT) / CHARACTER.title))}</text>`,
    ...legend.items.map(({ name, faint, x, y }, i) => (
      `<path class="${curveClass(i, faint)}" d="M${px(x)} ${y - 5}h28"/><text x="${px(x + 34)}" y="${y}">${escapeXml(name)}</text>`
    )),
    ...yTicks.values.map((value, i) => (
      `<path class="grid" d="M${LEFT} ${px(toY(value))}H${right}"/><text class="end" x="${LEFT - 8}" y="${px(toY(value) + 5)}">${yTicks.labels[i]}</text>`
    )),
    ...xTicks.values.map((value, i) => (
      `<path class="axis" d="M${px(toX(value))} ${bottom}v5"/><text class="middle" x="${px(toX(value))}" y="${bottom + 21}">${xTicks.labels[i]}</text>`
    )),
    `<path class="axis" d="M${LEFT} ${top}V${bottom}H${right}"/>`,
    `<text class="middle" x="${LEFT + PLOT.width / 2}" y="${bottom + 43}">${escapeXml(shortened(xLabel, PLOT.width / CHARACTER.text))}</text>`,
    `<text class="middle" x="18" y="${middle}" transform="rotate(-90 18 ${middle})">${escapeXml(shortened(yLabel, PLOT.height / CHARACTER.text))}</text>`,
    // An inner svg cuts off the curves without needing an id, which two charts of a page could share.
    `<svg x="${LEFT - OVERHANG}" y="${top - OVERHANG}" width="${PLOT.width + 2 * OVERHANG}" height="${PLOT.height + 2 * OVERHANG}" viewBox="${LEFT - OVERHANG} ${top - OVERHANG} ${PLOT.width + 2 * OVERHANG} ${PLOT.height + 2 * OVERHANG}">`,
    ...curves.reverse(),
    '</svg>',
    ...(all.some(([, y]) => Number.isFinite(y)) ? [] : [`<text class="middle" x="${LEFT + PLOT.width / 2}" y="${middle}">no data</text>`]),
    '</svg>',
    '',
  ].join('\n');
}

/** A coordinate, rounded to a tenth of a pixel. */
function px(value: number): string {
  return String(Math.round(10 * value) / 10);
}

/** The smallest and largest finite value; [0, 1] if there are none. */
function extent(values: readonly number[]): readonly [number, number] {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min > max ? [0, 1] : [min, max];
}

/** A range that is not empty, even for a single value. */
function widened([min, max]: readonly [number, number]): readonly [number, number] {
  // In a smaller range, neighbouring ticks could be the same number.
  const least = 1e-9 * Math.max(Math.abs(min), Math.abs(max));
  if (max - min > least) return [min, max];
  const half = min === 0 ? 1 : Math.abs(min) / 2;
  return [min - half, max + half];
}

function curveClass(index: number, faint = false): string {
  return `curve c${index % COLOURS.light.length} d${index % DASHES.length}${faint ? ' faint' : ''}`;
}

/** A curve as one path. Stretches of a single point are drawn as dots. */
function curve(points: readonly Point[], index: number, faint: boolean | undefined): string {
  const parts = stretches(points);
  const lines = parts.filter(({ length }) => length > 1).map(([first, ...rest]) => `M${pair(first)}L${rest.map(pair).join(' ')}`);
  const dots = parts.filter(({ length }) => length === 1).map(([point]) => `M${pair(point)}h.1`);
  const path = (kind: string, d: readonly string[]): string => (d.length === 0 ? '' : `<path class="${kind}" d="${d.join('')}"/>`);
  return path(curveClass(index, faint), lines) + path(`${curveClass(index)} dot`, dots);
}

function pair([x, y]: Point): string {
  return `${px(x)} ${px(y)}`;
}

interface LegendItem { readonly name: string; readonly faint?: boolean; readonly x: number; readonly y: number }

/** Places the entries one after another, in as many rows as needed. */
function legendLayout(series: readonly ChartSeries[]): { rows: number; items: LegendItem[] } {
  let [x, row] = [LEFT, 0];
  const items = series.map(({ name, faint }) => {
    const text = shortened(name, (PLOT.width - 40) / CHARACTER.text);
    const width = 52 + CHARACTER.text * text.length;
    if (x > LEFT && x + width > WIDTH) [x, row] = [LEFT, row + 1];
    const item = { name: text, faint, x, y: TITLE_HEIGHT + LEGEND_ROW * row + 7 };
    x += width;
    return item;
  });
  return { rows: row + 1, items };
}

function shortened(text: string, characters: number): string {
  const all = [...text];
  return all.length <= characters ? text : `${all.slice(0, Math.floor(characters) - 1).join('')}…`;
}

/** The chart in words, for screen readers. */
function description(series: readonly ChartSeries[], xLabel: string, yLabel: string): string {
  const short = (value: number): string => String(Number(value.toPrecision(4)));
  const sentences = series.map(({ name, points }) => {
    const known = points.filter(([, y]) => Number.isFinite(y));
    if (known.length === 0) return `${name}: no data.`;
    const [[firstX, firstY], [lastX, lastY]] = [known[0], known[known.length - 1]];
    const [min, max] = extent(known.map(([, y]) => y));
    return `${name}: ${known.length} points from ${short(firstY)} at ${short(firstX)} to ${short(lastY)} at ${short(lastX)}; lowest ${short(min)}, highest ${short(max)}.`;
  });
  return [`Line chart of ${yLabel} against ${xLabel}.`, ...sentences].join(' ');
}

function scheme({ back, ink, grid, curves }: { back: string; ink: string; grid: string; curves: readonly string[] }): string {
  return [
    `.line-chart .back{fill:${back}}`,
    `.line-chart text{fill:${ink}}`,
    `.line-chart .axis{stroke:${ink}}`,
    `.line-chart .grid{stroke:${grid}}`,
    ...curves.map((colour, i) => `.line-chart .c${i}{stroke:${colour}}`),
  ].join('');
}

// Inside an HTML page the style applies to the whole page, so every rule names the chart.
const STYLE = [
  '.line-chart text{font:15px system-ui,sans-serif}',
  '.line-chart .heading{font-size:17px;font-weight:600}',
  '.line-chart .middle{text-anchor:middle}',
  '.line-chart .end{text-anchor:end}',
  '.line-chart path{fill:none}',
  '.line-chart .curve{stroke-width:2;stroke-linejoin:round}',
  ...DASHES.map((dashes, i) => (dashes === '' ? '' : `.line-chart .d${i}{stroke-dasharray:${dashes}}`)),
  '.line-chart .faint{stroke-width:1;stroke-dasharray:none;opacity:.5}',
  '.line-chart .dot{stroke-width:5;stroke-linecap:round;stroke-dasharray:none}',
  scheme({ back: '#fff', ink: '#222', grid: '#ddd', curves: COLOURS.light }),
  `@media (prefers-color-scheme:dark){${scheme({ back: '#16181c', ink: '#e4e4e4', grid: '#3a3d42', curves: COLOURS.dark })}}`,
].join('');
