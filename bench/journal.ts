/**
 * What the journal of a long list costs: opening it to resume, asking for every item, adding lines, and reading what the other shards
 * have done. Needs no photographs; the journals are made up.
 *
 *     npm run bench -- journal [--entries 1000000] [--shards 64]
 */
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fingerprint, Journal } from '../src/jobs/journal/journal.js';
import { shardPart } from '../src/jobs/journal/shard.js';
import { inFolder } from './in-folder.js';

const { values } = parseArgs({ options: { entries: { type: 'string', default: '1000000' }, shards: { type: 'string', default: '64' } } });
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

console.log(`${entries} entries\n\n| | s of processor time | MiB in objects after it | MiB resident at most |\n|---|---:|---:|---:|`);
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
await inFolder(async (folder) => {
  for (let index = 2; index <= shards; index++) await write(join(folder, `journal-${shardPart({ index, count: shards })}`), index - 1, shards);
  const own = await measured(`open a shard beside ${shards - 1} that are done`, () => Journal.open(folder, settings, shardPart({ index: 1, count: shards }), true));
  await measured('read what is new in them: nothing', () => own.refresh());
  await write(join(folder, `journal-${shardPart({ index: 2, count: shards })}`), 1, shards);
  await measured('read what is new in them: one was written anew', () => own.refresh());
  await own.close();
});
