import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WorkerPool } from '../../../src/jobs/workers/pool.js';
import { shareBytes } from '../../../src/jobs/workers/shared-bytes.js';
import { workerUrl } from '../../../src/jobs/workers/worker-url.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { DataType } from '../../../src/onnx/tensor.js';
import { openRuntime } from '../../../src/runtime/open.js';
import type { RuntimeChoice } from '../../../src/runtime/open.js';
import { DeviceThread } from '../../../src/runtime/shared/device-thread.js';
import { runtimeForPool } from '../../../src/runtime/shared/worker-runtime.js';
import type { PoolRuntime } from '../../../src/runtime/shared/worker-runtime.js';
import type { VectorResult, VectorWorkerData } from '../../../src/train/vector-worker.js';

/** The mean of each channel: image [1, 3, H, W] in, vector [1, 3, 1, 1] out. */
function means(): Uint8Array {
  const inputs = [{ name: 'image', type: DataType.float32, shape: [1, 3, null, null] }];
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
  b.alias(b.node('GlobalAveragePool', ['image']), 'vector');
  return serializeModel({
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: { name: 'means', nodes: b.nodes, initializers: b.initializers, inputs, outputs: [{ name: 'vector', type: DataType.float32, shape: [1, 3, 1, 1] }] },
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-device-'));
  for (const red of [10, 20, 30, 40]) {
    await sharp({ create: { width: 8, height: 6, channels: 3, background: { r: red, g: 5, b: 7 } } }).png().toFile(join(folder, `${red}.png`));
  }
});
afterAll(() => rm(folder, { recursive: true }));

function startPool({ choice, companion }: PoolRuntime, graph = means()): WorkerPool<string, VectorResult> {
  return new WorkerPool<string, VectorResult>({
    worker: workerUrl('../../../src/train/vector-worker.js', import.meta.url), threads: 3, tasksPerWorker: 2, companion,
    data: {
      graph: shareBytes(graph), input: 'image', output: 'vector', runtime: choice, threads: 1, inputSizes: [{ kind: 'native' }], flip: true, maxPixels: 1e6,
      normalisation: { channelOrder: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    } satisfies VectorWorkerData,
  });
}

const reds = [10, 20, 30, 40];
const runAll = (pool: WorkerPool<string, VectorResult>): Promise<VectorResult[]> => Promise.all(reds.map((red) => pool.run(join(folder, `${red}.png`))));
const share = async (choice: RuntimeChoice): Promise<PoolRuntime> => runtimeForPool(await openRuntime(choice), true);

describe('a device thread', () => {
  it.each([{ runtime: 'ort', device: 'cpu' }, { runtime: 'tfjs', device: 'wasm' }] as const)('runs $runtime $device for all workers, and ends after them', async (choice) => {
    const runtime = await share(choice);
    const pool = startPool(runtime);
    const results = await runAll(pool);
    expect(results).toEqual(reds.map((red) => ({ views: [Float32Array.of(red, 5, 7), Float32Array.of(red, 5, 7)] })));
    await pool.destroy();
    const device = runtime.companion as DeviceThread;
    expect(device.thread!.threadId).toBe(-1);
    expect(device.failure).toBeUndefined();
  });

  it('is not started for nothing', async () => {
    const runtime = await share({ runtime: 'ort', device: 'cpu' });
    const pool = startPool(runtime);
    await pool.destroy();
    expect((runtime.companion as DeviceThread).thread).toBeUndefined();
  });

  it('does not exist on the processor unless it is asked for', async () => {
    expect(runtimeForPool(await openRuntime({ runtime: 'ort', device: 'cpu' })).companion).toBeUndefined();
  });

  it('reports a graph that cannot be loaded for every photograph', async () => {
    const pool = startPool(await share({ runtime: 'ort', device: 'cpu' }), Uint8Array.of(1, 2, 3));
    const results = await runAll(pool);
    await pool.destroy();
    for (const result of results) expect(result).toMatchObject({ reason: expect.stringContaining('ONNX Runtime cannot load the graph') as string });
  });

  it('reports a device that cannot be opened for every photograph', async () => {
    const none = { runtime: 'ort', device: 'no' } as const;
    const pool = startPool({ choice: { ...none, shared: { name: 'none', version: '', device: 'no' } }, companion: new DeviceThread(none) });
    const results = await runAll(pool);
    await pool.destroy();
    for (const result of results) expect(result).toMatchObject({ reason: expect.stringContaining('\'no\' is not a device of ONNX Runtime') as string });
  });

  it('that ends too early ends the work with a message', async () => {
    const runtime = await share({ runtime: 'ort', device: 'cpu' });
    const pool = startPool(runtime);
    await runAll(pool);
    const device = runtime.companion as DeviceThread;
    const ended = new Promise((resolve) => { device.thread!.once('exit', resolve); });
    // No port: an error that nothing catches.
    device.thread!.postMessage({});
    await ended;
    await expect(pool.run(join(folder, '10.png'))).rejects.toThrow(/^the thread that runs the networks on the device 'cpu' has ended: .*undefined/);
    await pool.destroy();
  });

  it('that ends before it takes a port fails the worker that sent it', async () => {
    const none = { runtime: 'ort', device: 'no' } as const;
    const device = new DeviceThread(none);
    const pool = startPool({ choice: { ...none, shared: { name: 'none', version: '', device: 'no' } }, companion: device });
    const running = runAll(pool);
    while (device.thread === undefined) await new Promise((resolve) => { setTimeout(resolve, 1); });
    await device.thread.terminate();
    const outcomes = await Promise.allSettled([running]);
    expect(JSON.stringify(outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as Error).message : outcome.value)))).toContain('has ended');
    await pool.destroy();
  });
});
