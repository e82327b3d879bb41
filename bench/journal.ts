/**
 * What the journal of a long list costs: opening it to resume, asking for every item, adding lines, and reading what the other shards
 * have done. Also what `merge` of the shards costs, of their records and of their scores. Needs no photographs; the files are made up.
 * Each part of the table has a process of its own, so that the memory is its own.
 *
 *     npm run bench -- journal [--entries 1000000] [--shards 64] [--only journal,shards,merge,merge-all,scores]
 */
import { execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { VOC } from '../src/datasets/classes/voc.js';
import { fingerprint, Journal } from '../src/jobs/journal/journal.js';
import { runRecordName } from '../src/jobs/journal/run-record.js';
import { itemsOfShard, shardPart } from '../src/jobs/journal/shard.js';
import { mergeEvaluations } from '../src/metrics/merge.js';
import { mergeRun } from '../src/report/run/merge.js';
import { inFolder } from './in-folder.js';

const { values } = parseArgs({ options: {
  entries: { type: 'string', default: '1000000' }, shards: { type: 'string', default: '64' }, only: { type: 'string' },
} });
const [entries, shards] = [Number(values.entries), Number(values.shards)];
const settings = { model: 'a'.repeat(64), layers: ['/8', '/16', '/32'] };
const stampOf = (i: number): string => `${2000 + i % 3000}:${(Math.imul(i, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0').repeat(2)}`;
const idOf = (i: number): string => `n${String(1440764 + i % 1000).padStart(8, '0')}_${i}`;
const entryOf = (i: number) => ({ id: idOf(i), status: 'done', files: { SegmentationClass: stampOf(i) } }) as const;

/** A journal of every `step`-th item. */
async function write(path: string, first: number, step: number): Promise<void> {
  const out = createWriteStream(path);
  out.write(`${JSON.stringify({ settings: fingerprint(settings), values: settings })}\n`);
  for (let i = first; i < entries; i += step) {
    if (!out.write(`${JSON.stringify(entryOf(i))}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function measured<T>(name: string, run: () => Promise<T> | T): Promise<T> {
  const start = processorSeconds();
  const result = await run();
  const seconds = processorSeconds() - start;
  gc?.();
  console.log(`| ${name} | ${seconds.toFixed(2)} | ${(process.memoryUsage().heapUsed / 2 ** 20).toFixed(0)} | ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} |`);
  return result;
}

/** The ids of every `step`-th image. */
const every = (step: number): string[] => Array.from({ length: Math.ceil(entries / step) }, (_, i) => idOf(i * step));

/** The records of all shards. Of every `step`-th image, a third each is missing, has failed, and has a note. */
async function writeRecords(folder: string, step: number): Promise<void> {
  const special = every(step);
  const missing = itemsOfShard(special, { index: 1, count: 3 });
  const [failed, noted] = [2, 3].map((index) => itemsOfShard(special, { index, count: 3 }));
  for (let index = 1; index <= shards; index++) {
    const own = (ids: readonly string[]): string[] => itemsOfShard(ids, { index, count: shards });
    const [failures, notes] = [
      own(failed).map((id) => ({ id, reason: `the photograph photos/${id}.jpg cannot be read: it ends too early` })),
      own(noted).map((id) => ({ id, notes: ['resized to 2048 x 2048 pixels: it has more than --max-pixels'] })),
    ];
    await writeFile(join(folder, runRecordName({ index, count: shards })), JSON.stringify({
      command: 'generate', settings, shard: { index, count: shards }, workers: 2, threads: 1, started: '2026-01-01T00:00:00.000Z',
      finished: '2026-01-02T00:00:00.000Z', counts: { written: notes.length, resumed: 0, failed: failures.length, missing: missing.length, left: 0 },
      failures, notes, missing, remade: [], interrupted: false, seconds: 86_400, imagesPerSecond: 7.4, stages: { cam: 80 },
    }, null, 2));
  }
}

async function mergeRecords(step: number): Promise<void> {
  await inFolder(async (folder) => {
    await writeRecords(folder, step);
    const { record } = await measured(`merge the records of ${shards} shards, which list 1 image of ${step}`, () => mergeRun(folder));
    const listed = [record.failures, record.notes, record.missing].reduce<number>((sum, list) => sum + (list as readonly unknown[]).length, 0);
    if (listed !== every(step).length) throw new Error(`${listed} of ${every(step).length} images are listed`);
  });
}

/** As `merge` reads the JSON of `eval --shard`; one of 100 images failed and one has no ground truth. */
async function mergeScores(): Promise<void> {
  await inFolder(async (folder) => {
    const { length } = VOC.data.classes;
    const files = Array.from({ length: shards }, (_, i) => join(folder, `${i + 1}.json`));
    for (const [i, file] of files.entries()) {
      const mine = itemsOfShard(every(100), { index: i + 1, count: shards });
      await writeFile(file, JSON.stringify({
        shard: { index: i + 1, count: shards }, classSet: VOC.data,
        images: {
          scored: Math.ceil(entries / shards) - mine.length, missingTruths: mine, missingPredictions: [],
          failures: mine.map((id) => ({ id, message: `${id}.png is 500 x 375, but its ground truth is 375 x 500` })),
        },
        confusion: Array.from({ length: length + 1 }, () => new Array<number>(length + 2).fill(1000 * entries)),
      }));
    }
    await measured(`merge the scores of ${shards} shards, 1 of 100 failed`, async () => {
      const parts = [];
      for (const file of files) parts.push({ name: file, value: JSON.parse(await readFile(file, 'utf8')) as unknown });
      return mergeEvaluations(parts);
    });
  });
}

async function oneJournal(): Promise<void> {
  await inFolder(async (folder) => {
    await write(join(folder, 'journal'), 0, 1);
    const journal = await measured('open one journal', () => Journal.open(folder, settings, '', true));
    await measured('ask for every item', () => {
      for (let i = 0; i < entries; i++) if (!journal.isDone(idOf(i))) throw new Error(`${idOf(i)} is lost`);
    });
    await measured('add 10,000 lines', async () => {
      for (let i = 0; i < 10_000; i++) await journal.record(entryOf(entries + i));
    });
    await journal.close();
  });
}

async function journalsOfShards(): Promise<void> {
  await inFolder(async (folder) => {
    for (let index = 2; index <= shards; index++) await write(join(folder, `journal-${shardPart({ index, count: shards })}`), index - 1, shards);
    const own = await measured(`open a shard beside ${shards - 1} that are done`, () => Journal.open(folder, settings, shardPart({ index: 1, count: shards }), true));
    await measured('read what is new in them: nothing', () => own.refresh());
    await write(join(folder, `journal-${shardPart({ index: 2, count: shards })}`), 1, shards);
    await measured('read what is new in them: one was written anew', () => own.refresh());
    await own.close();
  });
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  'journal': oneJournal, 'shards': journalsOfShards, 'merge': () => mergeRecords(100), 'merge-all': () => mergeRecords(1), 'scores': mergeScores,
};
if (values.only !== undefined && values.only in parts) {
  await parts[values.only]();
} else {
  console.log(`${entries} entries\n\n| | s of processor time | MiB in objects after it | MiB resident at most |\n|---|---:|---:|---:|`);
  for (const part of values.only?.split(',') ?? Object.keys(parts)) {
    const args = ['--entries', values.entries, '--shards', values.shards, '--only', part];
    execFileSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), ...args], { stdio: 'inherit' });
  }
}
