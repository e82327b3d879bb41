import { messageOf, UserError } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import { DataType } from '../onnx/tensor.js';
import { serializeModel } from '../onnx/file/write.js';
import type { CheckResult } from './check.js';
import { openRuntime } from './open.js';
import type { RuntimeName } from './names.js';
import type { Runtime } from './runtime.js';

// Checks one device, given as arguments, in a separate process: a broken driver may end it or write to standard error.

/** y = sum relu(x * w) of x [1, 2, 3, 3], w [2, 2, 3, 3]: the most common operators of a network. */
function graph(): Uint8Array {
  const inputs = [{ name: 'x', type: DataType.float32, shape: [1, 2, 3, 3] }];
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
  const weights = Float32Array.from({ length: 36 }, (_, i) => (i < 18 ? 1 : -1));
  b.alias(b.reduceSum(b.relu(b.conv('x', b.floats(weights, [2, 2, 3, 3]), { pads: [1, 1, 1, 1] })), [1, 2, 3]), 'y');
  return serializeModel({
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: { name: 'check', nodes: b.nodes, initializers: b.initializers, inputs, outputs: [{ name: 'y', type: DataType.float32, shape: [1, 1, 1, 1] }] },
  });
}

/** @throws Error if the result is wrong */
async function tryOut(runtime: Runtime): Promise<void> {
  const session = await runtime.load(graph(), { threads: 1 });
  try {
    const { y } = await session.run({ x: { type: 'float32', dims: [1, 2, 3, 3], data: new Float32Array(18).fill(1) } });
    // Windows cover 4, 6 or 9 of the ones in each of two channels. The sums of the negative weights are below zero.
    const expected = 2 * (4 * 4 + 4 * 6 + 9);
    if (Number(y.data[0]) !== expected) throw new Error(`it computes ${y.data[0]} instead of ${expected}`);
  } finally {
    await session.release();
  }
}

async function check(runtime: RuntimeName, device: string): Promise<CheckResult> {
  try {
    const opened = await openRuntime({ runtime, device });
    await tryOut(opened.runtime);
    return { works: true, description: opened.description, ...device === 'wasm' && { simd: await hasSimd() } };
  } catch (error) {
    return error instanceof UserError ? { works: false, reason: error.message, hint: error.hint } : { works: false, reason: messageOf(error) };
  }
}

/** Whether WebAssembly has vector instructions. Without them it is several times slower. */
async function hasSimd(): Promise<boolean> {
  const { env } = await import('@tensorflow/tfjs-core');
  return await env().getAsync('WASM_HAS_SIMD_SUPPORT') === true;
}

const [, , runtime, device] = process.argv;
const result = await check(runtime as RuntimeName, device);
// Anything that a device left running must not keep the process alive.
process.stdout.write(`\n${JSON.stringify(result)}\n`, () => process.exit(0));
