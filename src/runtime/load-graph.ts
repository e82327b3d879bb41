import { ownBytes } from '../jobs/workers/shared-bytes.js';
import { BatchedSession } from './batched/batched-session.js';
import type { Batching, Runtime, Session, SessionOptions } from './runtime.js';

/**
 * Loads a graph that may be in shared memory. If the runtime belongs to several worker threads, they get one session.
 *
 * @param graph a serialised ONNX model
 * @param batching how runs are joined; without it, or at a size of 1, they are not
 * @throws UserError if the runtime cannot load the graph
 */
export async function loadGraph(runtime: Runtime, graph: Uint8Array, options: SessionOptions, batching?: Batching): Promise<Session> {
  const own = batching !== undefined && batching.size > 1 ? batching : undefined;
  if (runtime.sharing !== undefined) return runtime.sharing.load(graph, options, own);
  const session = await runtime.load(ownBytes(graph), options);
  return own === undefined ? session : new BatchedSession(session, own);
}
