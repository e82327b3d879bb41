import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { workerUrl } from '../../src/jobs/workers/worker-url.js';
import { openRuntime } from '../../src/runtime/open.js';
import { ortDevicesHere } from '../../src/runtime/ort/ort.js';
import { isInstalled } from '../../src/runtime/tfjs/backend.js';

const ortDevices = await ortDevicesHere();

const userError = (message: RegExp, hint: RegExp) => expect.objectContaining({
  name: 'UserError', message: expect.stringMatching(message) as string, hint: expect.stringMatching(hint) as string,
}) as object;

describe('what runs', () => {
  it.each([
    [{ runtime: 'ort' }, /^onnxruntime \d+\.\d+\.\d+ \(cpu\)$/, { runtime: 'ort', device: 'cpu' }],
    [{ runtime: 'tfjs', device: 'wasm' }, /^@tensorflow\/tfjs-backend-wasm \d+\.\d+\.\d+ \(wasm\)$/, { runtime: 'tfjs', device: 'wasm' }],
    [{ runtime: 'tfjs', device: 'cpu' }, /^@tensorflow\/tfjs-backend-cpu \d+\.\d+\.\d+ \(cpu\)$/, { runtime: 'tfjs', device: 'cpu' }],
    // The device tells the runtime.
    [{ runtime: 'auto', device: 'wasm' }, /wasm/, { runtime: 'tfjs', device: 'wasm' }],
    [{ runtime: 'auto', device: 'cpu' }, /^onnxruntime/, { runtime: 'ort', device: 'cpu' }],
  ] as const)('%j', async (choice, description, taken) => {
    const opened = await openRuntime(choice);
    expect(opened.description).toMatch(description);
    expect(opened.choice).toEqual(taken);
    // In another thread, what was taken is asked for.
    expect((await openRuntime(structuredClone(opened.choice))).description).toBe(opened.description);
  });

  it.skipIf(isInstalled('gpu'))('without a GPU: ONNX Runtime', async () => {
    expect((await openRuntime()).choice).toEqual({ runtime: 'ort', device: 'cpu' });
  });

  it.skipIf(isInstalled('gpu') || isInstalled('node'))('of TensorFlow.js, where only the portable packages are installed: WebAssembly', async () => {
    expect((await openRuntime({ runtime: 'tfjs' })).choice).toEqual({ runtime: 'tfjs', device: 'wasm' });
  });

  it('runs in a worker thread too', async () => {
    const script = `
      import { parentPort } from 'node:worker_threads';
      import { openRuntime } from ${JSON.stringify(workerUrl('../../dist/runtime/open.js', import.meta.url).href)};
      const { description } = await openRuntime({ runtime: 'tfjs', device: 'wasm' });
      parentPort.postMessage(description);`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
    const answer = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
    expect(answer).toMatch(/^@tensorflow\/tfjs-backend-wasm/);
  });
});

describe('a device that is not there is an error, never another device', () => {
  it.skipIf(isInstalled('gpu'))('a package that is not installed', async () => {
    await expect(openRuntime({ runtime: 'tfjs', device: 'gpu' })).rejects.toEqual(userError(/tfjs-node-gpu is not installed/, /^npm install @tensorflow\/tfjs-node-gpu$/));
    await expect(openRuntime({ runtime: 'auto', device: 'gpu' })).rejects.toEqual(userError(/tfjs-node-gpu/, /npm install/));
  });

  it.skipIf(ortDevices.includes('coreml'))('a device of another platform', async () => {
    await expect(openRuntime({ runtime: 'ort', device: 'coreml' })).rejects.toEqual(userError(/ONNX Runtime has no device 'coreml'/, /choose from cpu/));
  });

  it.skipIf(ortDevices.includes('cuda') && process.env.CUDA_PATH !== undefined)('a device without its libraries or its hardware', async () => {
    if (!ortDevices.includes('cuda')) return;
    await expect(openRuntime({ runtime: 'ort', device: 'cuda' })).rejects.toEqual(userError(/'cuda' does not work here/, /CUDA 12 and cuDNN 9/));
  });

  it.each([
    [{ runtime: 'ort', device: 'wasm' }, /'wasm' is not a device of ONNX Runtime/, /cpu, cuda, webgpu, coreml, dml, or use --runtime tfjs/],
    [{ runtime: 'tfjs', device: 'cuda' }, /'cuda' is not a device of TensorFlow.js/, /gpu, node, wasm, cpu, or use --runtime ort/],
    [{ runtime: 'auto', device: 'tpu' }, /'tpu' is not a device of any runtime/, /cpu, cuda, webgpu, coreml, dml, gpu, node, wasm/],
  ] as const)('a name that the runtime does not know: %j', async (choice, message, hint) => {
    await expect(openRuntime(choice)).rejects.toEqual(userError(message, hint));
  });
});
