import { readFileSync } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openCam, prepareCam } from '../../../src/cam/plan.js';
import { ClassifierGraph } from '../../../src/classifier/classifier.js';
import { UserError } from '../../../src/errors.js';
import { AbandonedError } from '../../../src/jobs/stop/abandon.js';
import { parseModel } from '../../../src/onnx/file/read.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import type { Runtime, RuntimeTensor } from '../../../src/runtime/runtime.js';
import { SharedRuntime } from '../../../src/runtime/shared/client.js';
import { DeviceServer } from '../../../src/runtime/shared/server.js';
import { loadCase } from '../../fixtures/load.js';
import { camRequests } from '../../helpers.js';

/** A device that doubles its input, and what it was asked to do. */
class Doubling implements Runtime {
  readonly name = 'doubling';
  readonly version = '7';
  readonly device = 'cuda';
  readonly log: string[] = [];
  /** Thrown by the next run. */
  error: Error | undefined;
  private running = 0;

  async load(model: Uint8Array): ReturnType<Runtime['load']> {
    const name = Buffer.from(model).toString();
    if (name === 'broken') throw new UserError('the graph is broken', 'mend it');
    this.log.push(`load ${name}`);
    const release = (): Promise<void> => Promise.resolve(void this.log.push(`release ${name}`));
    return {
      run: async ({ x }) => {
        this.log.push(`run ${name}`);
        expect(this.running++).toBe(0);
        await new Promise(setImmediate);
        this.running--;
        if (this.error !== undefined) throw this.error;
        return { y: { type: 'float32', dims: x.dims, data: (x.data as Float32Array).map((value) => 2 * value) } };
      },
      release, [Symbol.asyncDispose]: release,
    };
  }
}

function shared(runtime: Runtime | Promise<Runtime>, count: number): { server: DeviceServer; clients: SharedRuntime[]; ports: MessagePort[] } {
  const server = new DeviceServer(Promise.resolve(runtime));
  const ports: MessagePort[] = [];
  const clients = Array.from({ length: count }, () => {
    const { port1, port2 } = new MessageChannel();
    server.connect(port2);
    ports.push(port1);
    onTestFinished(() => { port1.close(); });
    return new SharedRuntime(port1, { name: 'doubling', version: '7', device: 'cuda' });
  });
  return { server, clients, ports };
}

const graph = (name: string): Uint8Array => new Uint8Array(Buffer.from(name));
const feeds = (...values: number[]): { x: RuntimeTensor } => ({ x: { type: 'float32', dims: [values.length], data: Float32Array.from(values) } });
const options = { threads: 1 };

/** Waits until `condition` holds. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => { setTimeout(resolve, 1); });
}

describe('a shared runtime', () => {
  it('has one session of a graph, and one for each way to load it', async () => {
    const device = new Doubling();
    const { clients, server } = shared(device, 3);
    expect([clients[0].name, clients[0].version, clients[0].device]).toEqual(['doubling', '7', 'cuda']);
    const sessions = await Promise.all(clients.map((client) => client.load(graph('a'), options)));
    await clients[1].load(graph('a'), { threads: 2 });
    expect(device.log).toEqual(['load a', 'load a']);
    const results = await Promise.all(sessions.map((session, i) => session.run(feeds(i, 10))));
    expect(results.map(({ y }) => [...y.data])).toEqual([[0, 20], [2, 20], [4, 20]]);
    for (const session of sessions.slice(1)) await session.release();
    expect(device.log).not.toContain('release a');
    await sessions[0].release();
    expect(device.log.filter((entry) => entry === 'release a')).toHaveLength(1);
    await server.close();
    expect(device.log.filter((entry) => entry === 'release a')).toHaveLength(2);
  });

  it('runs several requests of one thread in their order, and leaves the tensors of the caller alone', async () => {
    const { clients: [client] } = shared(new Doubling(), 1);
    const session = await client.load(graph('a'), options);
    const own = feeds(1, 2);
    const first = session.run(own);
    (own.x.data as Float32Array).fill(5);
    const second = session.run(own);
    expect([...(await first).y.data, ...(await second).y.data]).toEqual([2, 4, 10, 10]);
    expect([...own.x.data]).toEqual([5, 5]);
  });

  it('never mixes up images that use the same memory one after the other', async () => {
    const { clients: [client] } = shared(new Doubling(), 1);
    const session = await client.load(graph('a'), options);
    // From large to small, so that the memory of a larger image is used for a smaller one.
    for (const length of [90_000, 70_000, 20_000, 65_000]) {
      const images = [1, 2, 3].map((value) => new Float32Array(length).fill(value));
      const results = await Promise.all(images.map((data) => session.run({ x: { type: 'float32', dims: [length], data } })));
      results.forEach(({ y }, i) => { expect(y.data).toEqual(new Float32Array(length).fill(2 * (i + 1))); });
    }
  });

  it('passes errors on as they are', async () => {
    const device = new Doubling();
    const { clients: [client] } = shared(device, 1);
    const session = await client.load(graph('a'), options);
    device.error = new UserError('too large', 'make it smaller');
    const error: unknown = await session.run(feeds(1)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ message: 'too large', hint: 'make it smaller' });
    device.error = new AbandonedError();
    await expect(session.run(feeds(1))).rejects.toBeInstanceOf(AbandonedError);
    device.error = new TypeError('whatever');
    await expect(session.run(feeds(1))).rejects.toThrow('whatever');
    device.error = undefined;
    expect([...(await session.run(feeds(1))).y.data]).toEqual([2]);
    await expect(client.load(graph('broken'), options)).rejects.toMatchObject({ message: 'the graph is broken', hint: 'mend it' });
  });

  it('that cannot be opened fails every request with the reason', async () => {
    const { clients } = shared(Promise.reject(new UserError('no device', 'buy one')), 2);
    for (const client of clients) await expect(client.load(graph('a'), options)).rejects.toMatchObject({ message: 'no device', hint: 'buy one' });
  });

  it('fails waiting and later requests if the other side is gone', async () => {
    const { port1, port2 } = new MessageChannel();
    const client = new SharedRuntime(port1, new Doubling());
    const waiting = client.load(graph('a'), options);
    port2.close();
    await expect(waiting).rejects.toThrow('the thread that runs the networks on the device \'cuda\' has ended');
    await expect(client.load(graph('a'), options)).rejects.toThrow('has ended');
  });

  it('releases what a thread has loaded when that ends', async () => {
    const device = new Doubling();
    const { clients, ports } = shared(device, 2);
    await clients[0].load(graph('a'), options);
    await clients[0].load(graph('a'), options);
    await clients[1].load(graph('b'), options);
    ports[0].close();
    await until(() => device.log.includes('release a'));
    expect(device.log).toEqual(['load a', 'load b', 'release a']);
  });

  it('joins the runs of all threads', async () => {
    const sizes: number[] = [];
    const device: Runtime = {
      name: 'sum', version: '1', device: 'cuda',
      load: async () => ({
        run: async ({ x, row, of }) => {
          sizes.push(x.dims[0]);
          await new Promise((resolve) => { setTimeout(resolve, 20); });
          return { y: { type: 'float32', dims: row.dims, data: Float32Array.from({ length: row.dims[0] }, (_, i) => Number(row.data[i]) + Number(x.data[Number(of.data[i])])) } };
        },
        release: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
    };
    const { clients } = shared(device, 5);
    const batching = { size: 3, images: 'x', rows: 'row', imageOfRow: 'of' };
    const sessions = await Promise.all(clients.map((client) => client.sharing.load(graph('a'), options, batching)));
    const results = await Promise.all(sessions.map((session, i) => session.run({
      x: { type: 'float32', dims: [1], data: Float32Array.of(10 * i) }, row: { type: 'int64', dims: [2], data: BigInt64Array.of(1n, 2n) },
      of: { type: 'int64', dims: [2], data: BigInt64Array.of(0n, 0n) },
    })));
    expect(results.map(({ y }) => [...y.data])).toEqual([[1, 2], [11, 12], [21, 22], [31, 32], [41, 42]]);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(5);
    expect(sizes.length).toBeLessThan(5);
  });
});

describe('a check for all threads', () => {
  it('is made once, and its error is that of all', async () => {
    const { clients } = shared(new Doubling(), 3);
    let made = 0;
    const check = async (): Promise<void> => {
      made++;
      await new Promise(setImmediate);
      throw new UserError('wrong maps', 'use another device');
    };
    const outcomes = await Promise.allSettled(clients.map((client) => client.sharing.checkOnce(graph('a'), check)));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: { message: 'wrong maps', hint: 'use another device' } });
    await expect(clients[0].sharing.checkOnce(graph('a'), check)).rejects.toThrow('wrong maps');
    expect(made).toBe(1);
    await clients[0].sharing.checkOnce(graph('b'), () => Promise.resolve());
    await clients[1].sharing.checkOnce(graph('b'), () => Promise.reject(new Error('not called')));
  });

  it('is made by the next one if the thread that makes it ends', async () => {
    const { clients, ports } = shared(new Doubling(), 2);
    const lost = clients[0].sharing.checkOnce(graph('a'), () => new Promise(() => undefined));
    let made = false;
    const second = clients[1].sharing.checkOnce(graph('a'), () => Promise.resolve(void (made = true)));
    void lost.catch(() => undefined);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    expect(made).toBe(false);
    ports[0].close();
    await second;
    expect(made).toBe(true);
  });

  it('of maps: all threads refuse a device that makes others', async () => {
    let loads = 0;
    const wrong: Runtime = {
      ...ortRuntime, device: 'cuda',
      load: async (...words) => {
        loads++;
        const session = await ortRuntime.load(...words);
        return {
          run: async (...own) => Object.fromEntries(Object.entries(await session.run(...own)).map(([name, tensor]): [string, RuntimeTensor] => (
            [name, tensor.type === 'float32' ? { ...tensor, data: tensor.data.map((value) => 1.5 * value) } : tensor]))),
          release: () => session.release(), [Symbol.asyncDispose]: () => session.release(),
        };
      },
    };
    const testCase = loadCase('resnet-like');
    const classifier = new ClassifierGraph(parseModel(readFileSync(testCase.modelPath)), 'logits');
    const plan = prepareCam(classifier, camRequests(classifier.resolveLayers(Object.keys(testCase.runs[0].layers))), { batch: 4 });
    const { clients } = shared(wrong, 3);
    const outcomes = await Promise.allSettled(clients.map((client) => openCam(plan, client, options)));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { message: 'the device \'cuda\' makes other maps of this network than the processor: they differ by 50.0 % on average' } });
    }
    expect(loads).toBe(1);
  });
});
