import { createHash } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import { UserError } from '../../errors.js';
import { requireWanted } from '../../jobs/stop/abandon.js';
import { shareBytes } from '../../jobs/workers/shared-bytes.js';
import type { Batching, Runtime, RuntimeTensor, Session, SessionOptions, Sharing } from '../runtime.js';
import { copied, errorOf, failureOf } from './messages.js';
import type { DeviceRequest, DeviceResult, NumberedReply, NumberedRequest } from './messages.js';
import { SpareMemory } from './spare-memory.js';

interface Waiting {
  readonly resolve: (result: DeviceResult) => void;
  readonly reject: (error: Error) => void;
}

/** A runtime in a thread that has none: the device thread does the work. It says of itself what the real one says. */
export class SharedRuntime implements Runtime {
  readonly name: string;
  readonly version: string;
  readonly device: string;
  readonly sharing: Sharing = {
    load: (graph, options, batching) => this.open(graph, options, batching),
    checkOnce: (graph, check) => this.checkOnce(hashOf(graph), check),
  };

  private readonly waiting = new Map<number, Waiting>();
  private readonly spare = new SpareMemory();
  private requests = 0;
  private lost = false;

  /**
   * @param port to a `DeviceServer`
   * @param real the runtime that the server has
   */
  constructor(private readonly port: MessagePort, real: Pick<Runtime, 'name' | 'version' | 'device'>) {
    ({ name: this.name, version: this.version, device: this.device } = real);
    port.on('message', ({ id, result, memory, failure }: NumberedReply) => {
      memory?.forEach((piece) => { this.spare.give(piece); });
      const { resolve, reject } = this.waiting.get(id)!;
      this.waiting.delete(id);
      if (failure === undefined) resolve(result);
      else reject(errorOf(failure));
    });
    port.on('close', () => {
      this.lost = true;
      for (const { reject } of this.waiting.values()) reject(this.lostError());
      this.waiting.clear();
    });
  }

  async load(model: Uint8Array, options: SessionOptions): Promise<Session> {
    return this.open(model, options);
  }

  private async open(model: Uint8Array, { threads, steady, arena }: SessionOptions, batching?: Batching): Promise<Session> {
    requireWanted();
    // Results are copied, so there is nothing to gain from overwriting them.
    const options = { threads, steady, arena };
    const graph = model.buffer instanceof SharedArrayBuffer ? model : shareBytes(model);
    const key = hashOf(graph, JSON.stringify([options, batching]));
    await this.ask({ kind: 'load', key, graph, options, batching });
    const release = async (): Promise<void> => { await this.ask({ kind: 'release', key }); };
    return {
      run: async (feeds, outputs) => {
        requireWanted();
        // The caller may use or change its tensors again while the run waits for its turn.
        const { tensors, memory } = copied(feeds, this.spare);
        return await this.ask({ kind: 'run', key, feeds: tensors, outputs }, memory) as Record<string, RuntimeTensor>;
      },
      release, [Symbol.asyncDispose]: release,
    };
  }

  private async checkOnce(key: string, check: () => Promise<void>): Promise<void> {
    if (await this.ask({ kind: 'claim', key }) === false) return;
    try {
      await check();
    } catch (error) {
      await this.ask({ kind: 'settle', key, failure: failureOf(error) });
      throw error;
    }
    await this.ask({ kind: 'settle', key, failure: undefined });
  }

  private ask(request: DeviceRequest, memory: ArrayBuffer[] = []): Promise<DeviceResult> {
    return new Promise((resolve, reject) => {
      if (this.lost) throw this.lostError();
      const id = this.requests++;
      this.waiting.set(id, { resolve, reject });
      this.port.postMessage({ id, request } satisfies NumberedRequest, memory);
    });
  }

  private lostError(): UserError {
    return lostDevice(this.device);
  }
}

function hashOf(graph: Uint8Array, loading = ''): string {
  return createHash('sha256').update(graph).update(loading).digest('hex');
}

/** The thread of a device has ended too early. */
export function lostDevice(device: string, reason?: string): UserError {
  return new UserError(
    `the thread that runs the networks on the device '${device}' has ended${reason === undefined ? '' : `: ${reason}`}`,
    'run the same command again; if it happens again, use --device cpu',
  );
}
