import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { repository } from '../helpers.js';
import { makeDevkit } from '../pipeline/tiny.js';
import type { TinyDevkit } from '../pipeline/tiny.js';
import { messageOf, run } from './terminal.js';

const execute = promisify(execFile);
const ids = ['a', 'b', 'c', 'd', 'e'];
let devkit: TinyDevkit;
let base: string[];
let count = 0;
const fresh = (): string => join(devkit.folder, `out-${count++}`);
const generate = (...argv: string[]) => run('generate', ...base, ...argv);
const seed = (out: string, id: string): string => join(out, 'SegmentationClass', `${id}.png`);

beforeAll(async () => {
  devkit = await makeDevkit({
    a: [60, 40, ['dog']], b: [40, 64, ['cat', 'person']], c: [50, 50, ['bus', 'aeroplane']], d: [33, 47, ['sofa']], e: [64, 48, ['train']],
  });
  base = ['--config', 'paper', '--model', devkit.model, '--voc-root', devkit.root, '--split', 'train', '--labels', 'xml', '--input-size', 'short:64', '--workers', '1'];
});
afterAll(() => rm(devkit.folder, { recursive: true }));
afterEach(() => { vi.unstubAllEnvs(); });

/** Sets the variables of SLURM for a task of an array of these ids. */
function slurm(tasks: readonly number[], id: number): void {
  const variables = { ID: id, COUNT: tasks.length, MIN: Math.min(...tasks), MAX: Math.max(...tasks), STEP: 1 };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(`SLURM_ARRAY_TASK_${name}`, String(value));
}

describe('an array job', () => {
  it('runs a single task again on the shard that it had, and merges into one record', async () => {
    const [whole, out] = [fresh(), fresh()];
    expect((await generate('--out', whole)).code).toBe(0);
    const tasks = [0, 1, 2];
    for (const id of tasks) {
      slurm(tasks, id);
      const { code, stderr } = await generate('--out', out);
      expect(code, stderr).toBe(0);
      expect(stderr).toContain(`shard ${id + 1} of 3\n`);
    }
    // b and e are the second of three parts: items 1 and 4 of the list.
    await rm(seed(out, 'b'));
    slurm([1], 1);
    const again = await generate('--out', out, '--json');
    expect(again.stderr).toContain('task 1 works on shard 2 of 3, as in the earlier run in this folder');
    expect((JSON.parse(again.stdout) as { counts: object }).counts).toMatchObject({ written: 1, resumed: 1, failed: 0, left: 0 });
    for (const id of ids) expect((await readFile(seed(out, id))).equals(await readFile(seed(whole, id)))).toBe(true);
    vi.unstubAllEnvs();

    const merged = await run('merge', out);
    expect(merged).toEqual({ code: 0, stderr: '', stdout: `${join(out, 'run.json')}: 3 of 3 parts, 5 images\n` });
    const record = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as Record<string, unknown>;
    const single = JSON.parse(await readFile(join(whole, 'run.json'), 'utf8')) as Record<string, unknown>;
    expect(record).toMatchObject({ counts: { written: 4, resumed: 1, failed: 0, missing: 0, left: 0 }, shard: null, split: 'train', modelPath: devkit.model });
    expect(record.settings).toEqual(single.settings);
    expect((record.shards as { shard: object }[]).map(({ shard }) => shard)).toEqual([1, 2, 3].map((index) => ({ index, count: 3 })));
    expect((await run('report', '--run', out, '--voc-root', devkit.root, '--out', join(out, 'report.html'))).code).toBe(0);
  });

  it('takes two halves with ids that have a gap', async () => {
    const out = fresh();
    for (const id of [1, 5]) {
      slurm([1, 5], id);
      expect((await generate('--out', out)).code).toBe(0);
    }
    expect(await readFile(join(out, 'ImageSets', 'Segmentation', 'train.txt'), 'utf8')).toBe('a\nb\nc\nd\ne\n');
  });

  it('says which parts are missing, and refuses what are not parts of one run', async () => {
    const out = fresh();
    expect((await generate('--out', out, '--shard', '2/3')).code).toBe(0);
    const { code, stdout } = await run('merge', out);
    expect(code).toBe(2);
    expect(stdout).toContain('1 of 3 parts, 2 images');
    expect(stdout).toContain('parts without a record (not started, still running, or killed): 1, 3');
    await writeFile(join(out, 'run-1of4.json'), '{}');
    expect(messageOf(await run('merge', out))).toContain('contains parts of two runs: run-2of3.json and run-1of4.json');
    await rm(join(out, 'run-1of4.json'));
    await writeFile(join(out, 'run-1of3.json'), JSON.stringify({ settings: { gamma: 3 } }));
    expect(messageOf(await run('merge', out))).toContain('the settings in');
    expect(messageOf(await run('merge', devkit.root))).toContain('contains no parts of a run');
    expect(messageOf(await run('merge', join(devkit.folder, 'nowhere')))).toContain('cannot read');
  });
});

describe('eval in parts', () => {
  it('adds up to the scores of the whole list', async () => {
    const out = fresh();
    expect((await generate('--out', out)).code).toBe(0);
    const flags = ['--gt', join(out, 'SegmentationClass'), '--pred', join(out, 'SegmentationClass')];
    const files: string[] = [];
    // Seven parts of five images: two have nothing to score.
    for (let part = 1; part <= 7; part++) {
      const { code, stdout } = await run('eval', ...flags, '--shard', `${part}/7`, '--json');
      expect(code).toBe(0);
      files.push(join(devkit.folder, `part-${part}.json`));
      await writeFile(files.at(-1)!, stdout);
    }
    const whole = JSON.parse((await run('eval', ...flags, '--json')).stdout) as Record<string, unknown>;
    expect(JSON.parse((await run('merge', ...files, '--json')).stdout)).toEqual(whole);
    expect((await run('merge', ...files)).stdout).toContain('Scored 5 images in 7 parts.');
    expect(messageOf(await run('merge', ...files.slice(1)))).toContain('parts are missing: 1 of 7');
    expect(messageOf(await run('merge', ...files, files[2]))).toContain('are both part 3 of 7');
    await writeFile(join(devkit.folder, 'whole.json'), JSON.stringify(whole));
    expect(messageOf(await run('merge', join(devkit.folder, 'whole.json')))).toContain('is not the result of \'eval --shard i/n --json\'');
  });
});

describe('ablate in parts', () => {
  it('scores once all parts are measured, as one run does', async () => {
    const [masks, whole, out] = [fresh(), fresh(), fresh()];
    expect((await generate('--out', masks)).code).toBe(0);
    const flags = ['--model', devkit.model, '--voc-root', devkit.root, '--split', 'train', '--labels', 'xml', '--input-size', 'short:64', '--mask-dir', join(masks, 'SegmentationClass'), '--workers', '1', '--layers', '/16', '--layers', '/32'];
    const single = await run('ablate', ...flags, '--out', whole, '--json');
    expect(single.code, single.stderr).toBe(0);
    const first = await run('ablate', ...flags, '--out', out, '--shard', '1/2', '--json');
    expect([first.code, first.stdout]).toEqual([0, '']);
    // Of five images the second part has two.
    expect(first.stderr).toContain('2 images are left to the other shards');
    slurm([1, 2], 2);
    const second = await run('ablate', ...flags, '--out', out, '--shard', 'auto', '--json');
    expect(second.code, second.stderr).toBe(0);
    const variantsOf = ({ stdout }: { stdout: string }): unknown => (JSON.parse(stdout) as { variants: unknown }).variants;
    expect(variantsOf(second)).toEqual(variantsOf(single));
    vi.unstubAllEnvs();
    expect(messageOf(await run('ablate', ...flags, '--out', out, '--shard', 'auto'))).toContain('no scheduler says which part this is');
  });
});

describe('the examples for schedulers', () => {
  it('slurm.sbatch makes the seeds of one run, part by part', async () => {
    const [whole, out] = [fresh(), fresh()];
    expect((await generate('--out', whole)).code).toBe(0);
    for (const id of [1, 2]) {
      await execute('bash', [
        join(repository, 'examples/slurm.sbatch'), '--config', 'paper', '--model', devkit.model, '--input-size', 'short:64',
      ], {
        env: {
          ...process.env, VOC_ROOT: devkit.root, OUT: out, VOC_SEEDS: `${process.execPath} ${join(repository, 'bin/voc-seeds.js')}`, SLURM_CPUS_PER_TASK: '1',
          SLURM_ARRAY_TASK_ID: String(id), SLURM_ARRAY_TASK_COUNT: '2', SLURM_ARRAY_TASK_MIN: '1', SLURM_ARRAY_TASK_MAX: '2', SLURM_ARRAY_TASK_STEP: '1',
        },
      });
    }
    for (const id of ids) expect((await readFile(seed(out, id))).equals(await readFile(seed(whole, id)))).toBe(true);
  });

  it('k8s-job.yaml tells voc-seeds how many parts there are', async () => {
    const { spec } = parseYaml(await readFile(join(repository, 'examples/k8s-job.yaml'), 'utf8')) as {
      spec: { completionMode: string; completions: number; template: { spec: { containers: { command: string[] }[] } } };
    };
    const [{ command }] = spec.template.spec.containers;
    expect(spec.completionMode).toBe('Indexed');
    expect(command).toContain(`--shards=${spec.completions}`);
    vi.stubEnv('JOB_COMPLETION_INDEX', '7');
    // The flags are those of the program.
    const { code, stderr } = await run(...command.slice(1), '--print-config');
    expect(code, stderr).toBe(0);
  });
});
