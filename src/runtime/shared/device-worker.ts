import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { openRuntime } from '../open.js';
import type { RuntimeChoice } from '../open.js';
import { DeviceServer } from './server.js';

// The thread that owns a device. ONNX Runtime's runs block their thread, and a device has memory for one copy of a network.

/** A port to another worker thread, or that all requests have come. */
export type DeviceThreadMessage = { readonly port: MessagePort } | 'close';

const server = new DeviceServer(openRuntime(workerData as RuntimeChoice).then(({ runtime }) => runtime));

parentPort!.on('message', (message: DeviceThreadMessage) => {
  if (message === 'close') void server.close().then(() => { parentPort!.postMessage('closed'); });
  else server.connect(message.port);
});
