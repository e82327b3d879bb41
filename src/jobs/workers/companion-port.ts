import { MessageChannel, parentPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';

const KEY = 'voc-seeds:port';

/** In a worker of a pool with a companion: a new port to it. */
export function portToCompanion(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  parentPort!.postMessage({ [KEY]: port2 }, [port2]);
  return port1;
}

/** The port in a message of {@link portToCompanion}. */
export function portOf(message: unknown): MessagePort | undefined {
  return typeof message === 'object' && message !== null && KEY in message ? message[KEY] as MessagePort : undefined;
}
