/**
 * `localize` and `faithfulness` against the same measurements in Python, as a user of torch-cam or pytorch-grad-cam would write them with
 * OpenCV: the same network, weights, photographs and layer, two threads on each side, in turn in one run.
 *
 *     npm run bench -- measures [--torch-cam python3] [--grad-cam python3] [--images 24] [--rounds 5]
 *         [--tasks localize,sweep,drop,curves] [--model ../shared/models/mobilenet_v1_imagenet.onnx] [--layer /32] [--data ../shared/ilsvrc]
 *
 * The task `road` (pytorch-grad-cam's ROADCombined) takes its side seconds for a photograph: run it alone, with few of them.
 *
 * `--torch-cam` and `--grad-cam` name a Python that has the package beside torch, onnx, OpenCV and scipy; their side is
 * bench/measures_torch.py. Our side is the command itself with two workers of one thread. Its time of a photograph is that of a long list
 * minus that of a short one, so that neither side counts its start.
 */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs, promisify } from 'node:util';
import { ClassifierGraph } from '../src/classifier/classifier.js';
import { readCsvBoxes } from '../src/datasets/boxes/csv.js';
import { boxIou } from '../src/metrics/boxes/box.js';
import { readModel } from '../src/onnx/file/read.js';
import { inFolder } from './in-folder.js';
import { median } from './median.js';

type Box = [left: number, top: number, right: number, bottom: number];
type Task = 'localize' | 'sweep' | 'drop' | 'curves' | 'road';

/** What a side says of all photographs: the time, and what it found to compare. */
interface Answer {
  readonly ms: number;
  readonly boxes?: readonly Box[];
  readonly values?: Readonly<Record<string, number>>;
}

const { values } = parseArgs({
  options: {
    'torch-cam': { type: 'string' }, 'grad-cam': { type: 'string' }, 'images': { type: 'string', default: '24' }, 'rounds': { type: 'string', default: '5' },
    'model': { type: 'string', default: '../shared/models/mobilenet_v1_imagenet.onnx' }, 'layer': { type: 'string', default: '/32' },
    'data': { type: 'string', default: '../shared/ilsvrc' }, 'tasks': { type: 'string', default: 'localize,sweep,drop,curves' },
  },
});
const [images, rounds] = [Number(values.images), Number(values.rounds)];
const SIZE = 224;
const STEPS = 20;
/** The photographs of the short list. */
const FEW = 4;
/** Black and white alike become 0 in the network's input, which is what the packages multiply it with. */
const GRAY = '127.5,127.5,127.5';

const folder = resolve(values.data, 'images');
const truths = (await readCsvBoxes(join(values.data, 'boxes.csv'))).images.slice(0, FEW + images);
if (truths.length <= FEW) throw new Error(`${values.data} has no ${FEW + images} photographs with boxes`);
const graph = new ClassifierGraph(await readModel(values.model), 'logits');
const [layer] = graph.resolveLayers([values.layer]);
const photographs = truths.slice(FEW).map(({ fileName, classes }) => (
  { path: join(folder, fileName), classes: classes.map(({ name }) => Number(name) + 1), boxes: classes.map(({ boxes }) => boxes) }));

const network = [
  '--images', folder, '--model', resolve(values.model), '--logits', 'logits', '--preprocess', 'tensorflow', '--logit-offset', '1',
  '--config', 'paper', '--input-size', `fixed:${SIZE}x${SIZE}`, '--layers', `${values.layer}@layer-cam`, '--workers', '2', '--threads', '1',
  '--runtime', 'ort', '--bootstrap', '0', '--no-resume', '--json',
];

interface Result {
  readonly threshold?: number;
  readonly variants?: readonly { readonly scores: readonly { readonly test: string; readonly value: string; readonly mean: number }[] }[];
  readonly run: { readonly seconds: number };
}

async function command(name: string, list: string, out: string, flags: readonly string[]): Promise<Result> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    resolve('bin/voc-seeds.js'), name, name === 'localize' ? '--boxes' : '--list', list, '--out', out, ...network, ...flags,
    '--classes', join(dirname(list), 'names.txt'),
  ], { maxBuffer: 1 << 28 });
  return JSON.parse(stdout) as Result;
}

const FLAGS: Readonly<Record<Task, readonly string[]>> = {
  localize: ['localize', '--top', '0'], sweep: ['localize', '--top', '0'], drop: ['faithfulness', '--fill', GRAY, '--tests', 'drop'],
  curves: ['faithfulness', '--fill', GRAY, '--tests', 'insertion,deletion', '--steps', String(STEPS)],
  road: ['faithfulness', '--tests', 'road', '--road-ties', 'together'],
};

/** Our command on the long list, without the time of the short one. */
async function ours(
  task: Task, lists: { readonly long: string; readonly short: string }, out: string,
): Promise<Answer & { readonly threshold?: number }> {
  const [name, ...flags] = FLAGS[task];
  const short = await command(name, lists.short, `${out}-short`, flags);
  const long = await command(name, lists.long, out, flags);
  // The mean of the photographs that are only in the long list, as the other side has it.
  const found = long.variants?.[0].scores.map(({ test, value, mean }, i): [string, number] => (
    [value === 'auc' ? test : value, ((FEW + images) * mean - FEW * short.variants![0].scores[i].mean) / images]));
  return {
    ms: 1000 * (long.run.seconds - short.run.seconds), values: found && Object.fromEntries(found), threshold: long.threshold,
    boxes: name === 'localize' ? await boxesIn(join(out, 'boxes.csv')) : undefined,
  };
}

/** The boxes of the photographs that are not in the short list, one for each class. */
async function boxesIn(path: string): Promise<Box[]> {
  const lines = (await readFile(path, 'utf8')).trim().split('\n').slice(1).map((line) => line.split(','));
  const wanted = new Set(truths.slice(FEW).map(({ fileName }) => fileName));
  return lines.filter(([image]) => wanted.has(image)).map((cells) => cells.slice(-4).map(Number) as Box);
}

/** A Python with a package, which answers one line of JSON for each line of JSON. */
class Peer {
  private readonly process: ChildProcess;
  private readonly answers: AsyncIterator<string>;

  constructor(python: string, readonly name: string) {
    const words = [resolve('bench/measures_torch.py'), name, resolve(values.model), layer.name, '2', String(SIZE), String(STEPS)];
    this.process = spawn(python, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.answers = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
  }

  async ask(task: Task, threshold: number): Promise<Answer> {
    this.process.stdin!.write(`${JSON.stringify({ task, threshold, photographs })}\n`);
    const { value, done } = await this.answers.next();
    if (done === true) throw new Error(`${this.name} has ended`);
    return JSON.parse(value) as Answer;
  }

  async end(): Promise<void> {
    this.process.stdin!.end();
    await once(this.process, 'exit');
  }
}

/** How well two lists of boxes agree. */
function agreement(own: readonly Box[], other: readonly Box[]): string {
  const all = own.map((box, i) => boxIou(box, other[i]));
  const same = all.filter((iou) => iou >= 0.9).length;
  return `IoU with our boxes: mean ${(all.reduce((sum, iou) => sum + iou, 0) / all.length).toFixed(3)}, at least 0.9 for ${same} of ${all.length}`;
}

const TITLES: Readonly<Record<Task, string>> = {
  localize: 'boxes at one threshold (ours: at 100)', sweep: 'boxes at 100 thresholds', drop: 'average drop and increase in confidence',
  curves: `insertion and deletion, ${STEPS} steps`, road: 'ROAD combined',
};

await inFolder(async (out) => {
  const lists = { long: join(out, 'long.csv'), short: join(out, 'short.csv') };
  const [head, ...lines] = (await readFile(join(values.data, 'boxes.csv'), 'utf8')).trim().split('\n');
  await writeFile(join(out, 'names.txt'), Array.from({ length: graph.classCount }, (_, i) => `class ${i}\n`).join(''));
  await writeFile(lists.short, `${[head, ...lines.slice(0, FEW)].join('\n')}\n`);
  await writeFile(lists.long, `${[head, ...lines.slice(0, FEW + images)].join('\n')}\n`);
  const peers = (['torch-cam', 'grad-cam'] as const).flatMap((name) => (values[name] === undefined ? [] : [new Peer(values[name], name)]));
  console.log(`${images} photographs at ${SIZE} x ${SIZE}, LayerCAM at ${layer.name}, two threads each, medians of ${rounds} alternating rounds, ms per photograph\n`);
  console.log(`| | ours | ${peers.map(({ name }) => `${name} | times as long`).join(' | ')} |`);
  console.log(`|---|---:|${'---:|---:|'.repeat(peers.length)}`);
  const notes: string[] = [];
  for (const task of values.tasks.split(',') as Task[]) {
    if (!(task in TITLES)) throw new Error(`--tasks: ${task} is none of ${Object.keys(TITLES).join(', ')}`);
    const asked = peers.filter(({ name }) => task !== 'road' || name === 'grad-cam');
    const times = new Map<string, number[]>(['ours', ...asked.map(({ name }) => name)].map((name) => [name, []]));
    for (let round = -1; round < rounds; round++) {
      const own = await ours(task, lists, join(out, `${task}-${round}`));
      if (round >= 0) times.get('ours')!.push(own.ms / photographs.length);
      for (const peer of asked) {
        const answer = await peer.ask(task, own.threshold ?? 0.5);
        if (round >= 0) times.get(peer.name)!.push(answer.ms / photographs.length);
        else if (answer.boxes !== undefined && own.boxes !== undefined) notes.push(`${TITLES[task]}, ${peer.name}: ${agreement(own.boxes, answer.boxes)}`);
        else notes.push(`${TITLES[task]}, ${peer.name}: ${JSON.stringify(answer.values)}, ours ${JSON.stringify(own.values)}`);
      }
    }
    const own = median(times.get('ours')!);
    const cells = peers.map(({ name }) => {
      const theirs = times.get(name);
      return theirs === undefined ? '| ' : `${median(theirs).toFixed(1)} | ${(median(theirs) / own).toFixed(2)}`;
    });
    console.log(`| ${[TITLES[task], own.toFixed(1), ...cells].join(' | ')} |`);
  }
  for (const peer of peers) await peer.end();
  console.log(`\n${notes.join('\n')}`);
});
