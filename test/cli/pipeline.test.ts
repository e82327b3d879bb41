import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pipelineStages } from '../../src/cli/commands/pipeline-stages.js';
import { pipelineSchema } from '../../src/settings/pipeline.js';
import { readMask } from '../../src/datasets/masks.js';
import { run } from './terminal.js';

const sample = ['--voc-root', 'data/sample', '--split', 'sample', '--labels', 'xml'];

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'pipeline-')); });
afterAll(() => rm(folder, { recursive: true }));

describe('pipelineStages', () => {
  const commands = (settings: Record<string, unknown>, scored = false): string[] => (
    pipelineStages(pipelineSchema.parse({ vocRoot: 'VOC 2012', split: 'train', ...settings }), 'out', { selection: ['--limit', '5'], scored })
      .map(({ command, arguments: own }) => [command, ...own].join(' ')));

  it('passes data, labels, model and settings on to the commands that take them', () => {
    const data = '--voc-root VOC 2012 --split train --limit 5 --labels list --label-file a.txt --difficult --runtime ort';
    expect(commands({
      labels: 'list', labelFile: 'a.txt', difficult: true, model: 'm.onnx', runtime: 'ort', workers: 3, threads: 1, epochs: 2, seedsOf: 'own.yaml', agree: ['fast', 'paper'],
      camWeight: 0.5, studentFlip: false,
    })).toEqual([
      `generate ${data} --workers 3 --threads 1 --model m.onnx --config own.yaml --agree fast,paper --out out/seeds`,
      `train --mode segment ${data} --backbone m.onnx --seeds out/seeds --epochs 2 --seed 0 --cache out/student.onnx.features --out out/student.onnx`,
      `generate ${data} --workers 3 --threads 1 --student out/student.onnx --student-scales 1 --no-student-flip `
      + '--student-refine random-walk:beta=1000:iterations=16 --cam-weight 0.5 --cam-seeds out/seeds --out out/labels',
      'report --run out/labels --compare out/seeds',
    ]);
  });

  it('needs no other settings and no seeds for the labels if it is told so, and scores if there is ground truth', () => {
    const [seeds, , labels, scores] = commands({ camWeight: 0 }, true);
    expect(seeds).not.toContain('--agree');
    expect(labels).not.toContain('--cam-seeds');
    expect(scores).toBe('eval --voc-root VOC 2012 --split train --limit 5 --pred out/labels/SegmentationClass');
  });
});

describe('voc-seeds pipeline', () => {
  it('shows the plan, and writes nothing', async () => {
    const out = join(folder, 'plan');
    const { code, stderr } = await run('pipeline', ...sample, '--out', out, '--plan');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^10 photographs, about /);
    expect(stderr).toContain(`voc-seeds train --mode segment --voc-root data/sample --split sample --labels xml --runtime auto --seeds ${join(out, 'seeds')}`);
    // 10 x 1,577,024 bytes.
    expect(stderr).toContain(`16 MB of features to ${join(out, 'student.onnx.features')}, which are removed at the end`);
    expect((await run('pipeline', ...sample, '--out', out, '--plan', '--keep-features')).stderr).toContain('which stay there');
    expect(await readdir(folder)).toEqual([]);
  });

  it('runs all stages, and goes on with what is there', async () => {
    const out = join(folder, 'run');
    const flags = [...sample, '--out', out, '--seeds-of', 'fast', '--agree', 'paper', '--epochs', '1'];
    const { code, stdout, stderr } = await run('pipeline', ...flags);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('**mean**');
    const ids = (await readdir(join(out, 'labels', 'SegmentationClass'))).sort();
    expect(ids).toHaveLength(10);
    expect((await readdir(join(out, 'seeds', 'SegmentationClass'))).sort()).toEqual(ids);
    const disputed = await readMask(join(out, 'seeds', 'SegmentationClass', ids[0]));
    expect(disputed.data.includes(255)).toBe(true);
    const { student: used } = JSON.parse(await readFile(join(out, 'labels', 'run.json'), 'utf8')) as { student: { trainedOnThisList: boolean } };
    expect(used.trainedOnThisList).toBe(true);
    expect(await readdir(join(out, 'labels', 'report'))).toContain('index.html');
    const features = join(out, 'student.onnx.features');
    expect(existsSync(features)).toBe(false);
    const student = await readFile(join(out, 'student.onnx'));
    const again = await run('pipeline', ...flags, '--keep-features');
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('10 had been done before');
    expect((await readFile(join(out, 'student.onnx'))).equals(student)).toBe(true);
    const [cache] = await readdir(features);
    const files = await readdir(join(features, cache));
    expect(files).toHaveLength(10);
    expect((await stat(join(features, cache, files[0]))).size).toBe(1_577_024);
  });
});
