import { availableParallelism } from 'node:os';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { isInstalled } from '../../src/runtime/tfjs/backend.js';
import { repository } from '../helpers.js';
import type { Outcome } from './terminal.js';
import { run } from './terminal.js';

interface Findings {
  machine: { node: string; cores: number; memory: number };
  images: { sharp: string; libvips: string; reads: string[] };
  classifier: { file: string; works: boolean; bytes: number; sha256: string; classes: number; layers: string[] };
  runtimes: { runtime: string; device: string; works: boolean; description?: string; reason?: string; hint?: string; simd?: boolean }[];
  auto?: string;
}

const versionOf = (name: string): string => (JSON.parse(readFileSync(resolve(repository, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version;

let json: Outcome;
let findings: Findings;
beforeAll(async () => {
  json = await run('doctor', '--json');
  findings = JSON.parse(json.stdout) as Findings;
});

describe('doctor', () => {
  it('tells the machine, the libraries and the classifier with their versions', () => {
    expect([json.code, json.stderr]).toEqual([0, '']);
    expect(findings.machine).toMatchObject({ node: process.version, cores: availableParallelism() });
    expect(findings.images).toMatchObject({ sharp: versionOf('sharp'), libvips: sharp.versions.vips });
    expect(findings.images.reads).toEqual(expect.arrayContaining(['jpeg', 'png', 'webp']));
    const model = readFileSync(resolve(repository, 'data/models/efficientnet_lite0_voc.onnx'));
    expect(findings.classifier).toMatchObject({ works: true, bytes: model.length, sha256: createHash('sha256').update(model).digest('hex'), classes: 20 });
    expect(findings.classifier.layers).toEqual(['/2', '/4', '/8', '/16', '/32']);
  });

  it('tells of every device whether it works, and where not, why', () => {
    expect(findings.runtimes.map(({ runtime, device }) => `${runtime} ${device}`)).toEqual([
      'ort cpu', 'ort cuda', 'ort webgpu', 'ort coreml', 'ort dml', 'tfjs gpu', 'tfjs node', 'tfjs wasm', 'tfjs cpu',
    ]);
    const of = (runtime: string, device: string) => findings.runtimes.find((each) => each.runtime === runtime && each.device === device);
    expect(of('ort', 'cpu')).toMatchObject({ works: true, description: `onnxruntime ${versionOf('onnxruntime-node')} (cpu)` });
    expect(of('tfjs', 'wasm')).toMatchObject({ works: true, description: `@tensorflow/tfjs-backend-wasm ${versionOf('@tensorflow/tfjs-backend-wasm')} (wasm)`, simd: true });
    expect(of('tfjs', 'cpu')).toMatchObject({ works: true });
    for (const { works, reason, description } of findings.runtimes) expect(works ? description : reason).toMatch(/\S/);
  });

  it.skipIf(isInstalled('gpu'))('tells the command that brings what is not installed, and what runs by itself', () => {
    expect(findings.runtimes.find(({ device }) => device === 'gpu')).toEqual({
      runtime: 'tfjs', device: 'gpu', works: false, reason: '@tensorflow/tfjs-node-gpu is not installed', hint: 'npm install @tensorflow/tfjs-node-gpu',
    });
    expect(findings.auto).toBe(`onnxruntime ${versionOf('onnxruntime-node')} (cpu)`);
  });

  it('tells it in words', async () => {
    const { code, stdout } = await run('doctor');
    expect(code).toBe(0);
    expect(stdout).toContain(`Node.js ${process.version}`);
    expect(stdout).toMatch(/efficientnet_lite0_voc\.onnx, 6\.8 MB, SHA-256 [0-9a-f]{16}; loads, 20 classes, layers \/2, \/4, \/8, \/16, \/32/);
    expect(stdout).toMatch(/^ {2}--runtime ort {2}--device cpu +works: onnxruntime /m);
    expect(stdout).toMatch(/^ {2}--runtime tfjs --device wasm +works: .*, with SIMD$/m);
    expect(stdout).toMatch(/^--runtime auto uses /m);
  });
});
