import { Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { messageOf } from '../../errors.js';
import { untilDone } from '../../jobs/stop/interrupt.js';
import type { Companion } from '../../jobs/workers/companion.js';
import { workerUrl } from '../../jobs/workers/worker-url.js';
import type { RuntimeChoice } from '../open.js';
import { lostDevice } from './client.js';
import type { DeviceThreadMessage } from './device-worker.js';

/** The thread that owns a device, for the workers of a pool. It starts when the first of them connects. */
export class DeviceThread implements Companion {
  /** Once it has started. */
  thread: Worker | undefined;
  failure: Error | undefined;
  private ended: Promise<void> = Promise.resolve();
  private closing = false;

  constructor(private readonly choice: RuntimeChoice & { readonly device: string }) {}

  connect(port: MessagePort): void {
    // A port that nobody takes would wait forever.
    if (this.failure !== undefined || this.closing) port.close();
    else this.post({ port }, [port]);
  }

  /** Ends the thread after the requests that have come. The thread does not keep the process alive: the caller must. */
  async close(): Promise<void> {
    this.closing = true;
    if (this.thread === undefined) return;
    const { thread } = this;
    const idle = new Promise((resolve) => { thread.once('message', resolve); });
    this.post('close');
    await Promise.race([idle, this.ended]);
    // It is not in native code now.
    await thread.terminate();
  }

  private post(message: DeviceThreadMessage, ports: MessagePort[] = []): void {
    this.thread ??= this.start();
    this.thread.postMessage(message, ports);
  }

  private start(): Worker {
    const thread = new Worker(workerUrl('./device-worker.js', import.meta.url), { workerData: this.choice });
    thread.unref();
    let reason: string | undefined;
    thread.on('error', (error) => { reason = messageOf(error); });
    this.ended = new Promise((resolve) => {
      thread.on('exit', () => {
        if (!this.closing) this.failure = lostDevice(this.choice.device, reason);
        resolve();
      });
    });
    // An interrupted process waits until it is closed, because it may be in native code.
    void untilDone(this.ended);
    return thread;
  }
}
