import type { MessagePort } from 'node:worker_threads';
import { ownBytes } from '../../jobs/workers/shared-bytes.js';
import { BatchedSession } from '../batched/batched-session.js';
import type { Runtime, Session } from '../runtime.js';
import { Checks } from './checks.js';
import { copied, errorOf, failureOf } from './messages.js';
import type { DeviceRequest, DeviceResult, NumberedReply, NumberedRequest } from './messages.js';

/** A session, and how many times it was loaded and not released. */
interface Loaded {
  readonly session: Promise<Session>;
  users: number;
}

/** Runs the requests of many threads on one runtime, one after the other. The same graph with the same options is one session. */
export class DeviceServer {
  private readonly sessions = new Map<string, Loaded>();
  private readonly checks = new Checks();
  /** Settles when what has been asked of the runtime is done. */
  private last: Promise<unknown> = Promise.resolve();

  /** @param runtime if it cannot be opened, every request fails with the reason */
  constructor(private readonly runtime: Promise<Runtime>) {
    runtime.catch(() => undefined);
  }

  /** Answers the requests that come through a port, until it closes. */
  connect(port: MessagePort): void {
    /** How many times this thread has loaded each session. */
    const own = new Map<string, number>();
    port.on('message', ({ id, request }: NumberedRequest) => {
      this.answer(request, port, own).then(
        (result) => { reply(port, id, result, request); },
        (error: unknown) => { port.postMessage({ id, failure: failureOf(error) } satisfies NumberedReply); },
      );
    });
    port.on('close', () => {
      this.checks.leave(port);
      // Releasing fails only if loading has failed, or the runtime is broken, which other requests report.
      for (const [key, count] of own) for (let i = 0; i < count; i++) this.release(key).catch(() => undefined);
    });
  }

  /** Releases all sessions after the requests that have come. Then nothing runs any more. */
  async close(): Promise<void> {
    await this.runtime.catch(() => undefined);
    for (const { session } of this.sessions.values()) await session.then((loaded) => loaded.release()).catch(() => undefined);
    this.sessions.clear();
    await this.last;
  }

  private async answer(request: DeviceRequest, port: MessagePort, own: Map<string, number>): Promise<DeviceResult> {
    const { key } = request;
    switch (request.kind) {
      case 'load':
        await this.load(request);
        own.set(key, (own.get(key) ?? 0) + 1);
        return undefined;
      case 'run':
        return (await this.sessions.get(key)!.session).run(request.feeds, request.outputs);
      case 'release':
        own.set(key, own.get(key)! - 1);
        return this.release(key);
      case 'claim':
        return this.checks.claim(key, port);
      case 'settle':
        this.checks.settle(key, request.failure && errorOf(request.failure));
        return undefined;
    }
  }

  private async load({ key, graph, options, batching }: Extract<DeviceRequest, { kind: 'load' }>): Promise<void> {
    const known = this.sessions.get(key);
    const loaded = known ?? {
      session: this.inTurn(async () => {
        const session = this.oneByOne(await (await this.runtime).load(ownBytes(graph), options));
        return batching === undefined ? session : new BatchedSession(session, batching);
      }), users: 0,
    };
    if (known === undefined) this.sessions.set(key, loaded);
    loaded.users++;
    try {
      await loaded.session;
    } catch (error) {
      // The next one tries again.
      if (this.sessions.get(key) === loaded) this.sessions.delete(key);
      throw error;
    }
  }

  private async release(key: string): Promise<undefined> {
    const loaded = this.sessions.get(key);
    if (loaded === undefined || --loaded.users > 0) return;
    this.sessions.delete(key);
    await (await loaded.session).release();
  }

  /** A session whose runs wait for their turn on the device. */
  private oneByOne(session: Session): Session {
    let released = false;
    const release = (): Promise<void> => this.inTurn(() => {
      released = true;
      return session.release();
    });
    const run: Session['run'] = (feeds, outputs) => this.inTurn(async () => {
      // The thread that asked may have ended, and its session with it.
      if (released) throw new Error('the session has been released');
      return session.run(feeds, outputs);
    });
    return { run, release, [Symbol.asyncDispose]: release };
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work);
    this.last = done.catch(() => undefined);
    return done;
  }
}

function reply(port: MessagePort, id: number, result: DeviceResult, request: DeviceRequest): void {
  if (typeof result !== 'object') {
    port.postMessage({ id, result } satisfies NumberedReply);
    return;
  }
  // Some runtimes still own the memory of their results.
  const { tensors, memory } = copied(result);
  const sent = request.kind === 'run' ? Object.values(request.feeds).map(({ data }) => data.buffer as ArrayBuffer) : [];
  port.postMessage({ id, result: tensors, memory: sent } satisfies NumberedReply, [...memory, ...sent]);
}
