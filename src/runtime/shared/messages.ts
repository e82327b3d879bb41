import { AbandonedError } from '../../jobs/stop/abandon.js';
import { messageOf, UserError } from '../../errors.js';
import type { Batching, RuntimeTensor, SessionOptions } from '../runtime.js';
import type { SpareMemory } from './spare-memory.js';

/** What a worker thread asks of the device thread. Sessions and checks are known by their keys. */
export type DeviceRequest
  = | { readonly kind: 'load'; readonly key: string; readonly graph: Uint8Array; readonly options: SessionOptions; readonly batching: Batching | undefined }
    | { readonly kind: 'run'; readonly key: string; readonly feeds: Readonly<Record<string, RuntimeTensor>>; readonly outputs: readonly string[] | undefined }
    | { readonly kind: 'release'; readonly key: string }
    /** Answered with true if this thread is to make the check, with false if it has been made. */
    | { readonly kind: 'claim'; readonly key: string }
    /** The outcome of a claimed check. */
    | { readonly kind: 'settle'; readonly key: string; readonly failure: Failure | undefined };

/** The results of a run, or the answer to a claim. */
export type DeviceResult = Record<string, RuntimeTensor> | boolean | undefined;

/** Requests have numbers, because several can be under way. */
export interface NumberedRequest {
  readonly id: number;
  readonly request: DeviceRequest;
}

export interface NumberedReply {
  readonly id: number;
  readonly result?: DeviceResult;
  /** The memory of the tensors that were sent, which is used again. */
  readonly memory?: readonly ArrayBuffer[];
  readonly failure?: Failure;
}

/** An error as plain data. */
export interface Failure {
  readonly kind: 'user' | 'abandoned' | 'other';
  readonly message: string;
  readonly hint?: string | undefined;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof UserError) return { kind: 'user', message: error.message, hint: error.hint };
  return { kind: error instanceof AbandonedError ? 'abandoned' : 'other', message: messageOf(error) };
}

/** An error of the same kind, message and hint. */
export function errorOf({ kind, message, hint }: Failure): Error {
  if (kind === 'user') return new UserError(message, hint);
  return kind === 'abandoned' ? new AbandonedError() : new Error(message);
}

/** Tensors in memory that can be given to another thread. */
interface Parcel {
  readonly tensors: Record<string, RuntimeTensor>;
  readonly memory: ArrayBuffer[];
}

/**
 * Copies tensors in order to give them to another thread.
 *
 * @param spare memory for the copies
 */
export function copied(tensors: Readonly<Record<string, RuntimeTensor>>, spare?: SpareMemory): Parcel {
  const memory: ArrayBuffer[] = [];
  const copies = Object.entries(tensors).map(([name, tensor]): [string, RuntimeTensor] => {
    const buffer = spare?.take(tensor.data.byteLength) ?? new ArrayBuffer(tensor.data.byteLength);
    memory.push(buffer);
    if (tensor.type === 'float32') {
      const data = new Float32Array(buffer, 0, tensor.data.length);
      data.set(tensor.data);
      return [name, { ...tensor, data }];
    }
    const data = new BigInt64Array(buffer, 0, tensor.data.length);
    data.set(tensor.data);
    return [name, { ...tensor, data }];
  });
  return { tensors: Object.fromEntries(copies), memory };
}
