import { escapeXml } from '../charts/escape.js';
import { folded, num, paragraph, percent, section, table } from './html.js';
import type { Run } from './folder.js';
import type { RunRecord } from './record.js';
import { ignoresPixels, usedThreshold } from './score-sections.js';
import type { ScoredPrediction } from './scores.js';

/** A problem with one image. */
export interface Problem {
  readonly id: string;
  readonly reason: string;
}

/** The most important numbers of the run. */
export function overview(run: Run, predictions: readonly ScoredPrediction[]): string {
  const { record } = run;
  const [{ result }] = predictions;
  const threshold = usedThreshold(record.settings ?? {});
  const tiles: [label: string, value: string, detail?: string][] = [];
  for (const { name, result: scores } of predictions) {
    if (scores !== undefined) tiles.push([predictions.length > 1 ? `mIoU, ${name}` : 'mIoU', `${percent(scores.scores.error.meanIou)} %`, `over ${scores.scored.toLocaleString('en-US')} images`]);
  }
  tiles.push(['Images', run.images.length.toLocaleString('en-US'), record.split === undefined ? undefined : `split ${record.split}`]);
  if (result !== undefined && ignoresPixels(predictions)) tiles.push(['Coverage', `${percent(result.coverage.share)} %`, 'pixels with a label']);
  if (threshold !== undefined) tiles.push(['Threshold', String(threshold)]);
  else if (typeof record.settings?.background === 'string') tiles.push(['Background', record.settings.background]);
  const methods = methodsOf(record.settings ?? {});
  if (methods !== undefined) tiles.push(['Method', methods]);
  if (record.imagesPerSecond !== undefined && (record.counts?.written ?? 1) > 0) tiles.push(['Speed', `${record.imagesPerSecond}/s`, record.seconds === undefined ? undefined : timeText(record)]);
  if ((record.counts?.failed ?? 0) > 0) tiles.push(['Failed', String(record.counts!.failed), 'listed below']);
  return tilesHtml(tiles);
}

/** The most important numbers, each with its name and details. */
export function tilesHtml(tiles: readonly (readonly [label: string, value: string, detail?: string])[]): string {
  return `<dl class="tiles">\n${tiles.map(([label, value, detail]) => (
    `<div><dt>${escapeXml(label)}</dt><dd>${escapeXml(value)}${detail === undefined ? '' : `<small>${escapeXml(detail)}</small>`}</dd></div>`
  )).join('\n')}\n</dl>`;
}

/** The methods of the layers. A layer may have its own method; otherwise it uses the common one. */
function methodsOf({ layers, method }: Readonly<Record<string, unknown>>): string | undefined {
  const own = Array.isArray(layers) ? layers.map((layer) => /@([^@]+)$/.exec(String(layer))?.[1] ?? method) : [method];
  const names = [...new Set(own.filter((name) => typeof name === 'string'))];
  return names.length === 0 ? undefined : names.join(', ');
}

/** How long the run took. A resumed run knows only its last part. */
function timeText({ seconds = 0, counts }: RunRecord): string {
  const resumed = counts?.resumed ?? 0;
  return resumed > 0 ? `${seconds.toFixed(1)} s for ${(counts?.written ?? 0).toLocaleString('en-US')} images, ${resumed.toLocaleString('en-US')} were done before` : `${seconds.toFixed(1)} s in all`;
}

/** The contents of run.json: settings, versions, times, failures and notes. */
export function runSection({ record, folder, unseeded }: Pick<Run, 'record' | 'folder' | 'unseeded'>, problems: readonly Problem[]): string {
  const facts: [string, unknown][] = [
    ['folder', folder], ['model', record.modelPath], ['devkit', record.vocRoot], ['data set', record.data], ['list', record.splitFile],
    ['started', record.started], ['finished', record.finished], ['workers', record.workers], ['threads per worker', record.threads],
  ];
  const rows = (entries: readonly (readonly [string, unknown])[]): [string, string][] => (
    entries.filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => [name, shown(value)])
  );
  const list = (title: string, head: readonly [string, string], entries: readonly (readonly [string, string])[]): string[] => (
    entries.length === 0 ? [] : [folded(`${title} (${entries.length.toLocaleString('en-US')})`, table(title, head, entries))]
  );
  return section('run', 'The run', [
    '<div class="columns">',
    `<div><h3>Settings</h3>\n${table('Settings', ['setting', 'value'], rows(Object.entries(record.settings ?? {})))}</div>`,
    '<div>',
    `<h3>Where and when</h3>\n${table('Where and when', ['what', 'value'], rows(facts))}`,
    `<h3>Versions</h3>\n${table('Versions', ['program', 'version'], rows(Object.entries(record.versions ?? {})))}`,
    ...(record.stages === undefined ? [] : [`<h3>Time of an image</h3>\n${table('Time of an image', ['stage', 'ms'], Object.entries(record.stages).map(([name, time]) => [name, num(time.toFixed(1))]))}`]),
    ...(record.counts === undefined ? [] : [`<h3>Counts</h3>\n${table('Counts', ['images', 'number'], Object.entries(record.counts).map(([name, count]) => [name, num(count.toLocaleString('en-US'))]))}`]),
    '</div>',
    '</div>',
    ...(record.interrupted === true ? [paragraph('The run was interrupted before its end.', 'warning')] : []),
    ...list('Failures', ['image', 'reason'], (record.failures ?? []).map(({ id, reason }) => [id, reason])),
    ...list('Notes', ['image', 'note'], (record.notes ?? []).map(({ id, notes }) => [id, notes.join('; ')])),
    ...list('Problems while writing this report', ['image', 'reason'], problems.map(({ id, reason }) => [id, reason])),
    ...list('Missing photographs', ['image', 'note'], (record.missing ?? []).map((id) => [id, 'left out'])),
    ...list('Listed images without seeds', ['image', 'note'], unseeded.map((id) => [id, 'no PNG in SegmentationClass'])),
  ]);
}

function shown(value: RunRecord | unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value) ?? String(value);
}
