import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { workerUrl } from '../jobs/workers/worker-url.js';
import { ORT_DEVICES, ortDevicesHere } from './ort/ort.js';
import { TFJS_DEVICES, whyNotInstalled } from './tfjs/backend.js';

/** Whether a device works: its description (for WebAssembly, with or without SIMD), or the reason and a hint. */
export type CheckResult
  = | { readonly works: true; readonly description: string; readonly simd?: boolean }
    | { readonly works: false; readonly reason: string; readonly hint?: string };

/** The result for one device of one runtime. */
export type DeviceCheck = CheckResult & { readonly runtime: 'ort' | 'tfjs'; readonly device: string };

/** The time limit for a device, in milliseconds. */
const PATIENCE = 30_000;

/** Tries every device of every runtime by running a small graph on it, each in a separate process. */
export async function checkDevices(): Promise<DeviceCheck[]> {
  const known = await ortDevicesHere();
  const ort = ORT_DEVICES.map(async (device): Promise<DeviceCheck> => {
    const absent = { works: false, reason: `ONNX Runtime has no such device on ${process.platform} ${process.arch}` } as const;
    return { runtime: 'ort', device, ...known.includes(device) ? await inProcess('ort', device) : absent };
  });
  const tfjs = TFJS_DEVICES.map(async (device): Promise<DeviceCheck> => {
    const missing = whyNotInstalled(device);
    return { runtime: 'tfjs', device, ...missing === undefined ? await inProcess('tfjs', device) : { works: false, reason: missing.message, hint: missing.hint } };
  });
  return Promise.all([...ort, ...tfjs]);
}

function inProcess(runtime: string, device: string): Promise<CheckResult> {
  const script = fileURLToPath(workerUrl('./check-process.js', import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [script, runtime, device], { timeout: PATIENCE }, (error, stdout) => {
      try {
        // Libraries may print something first. The result is the last line.
        resolve(JSON.parse(stdout.trim().split('\n').at(-1)!) as CheckResult);
      } catch {
        resolve({ works: false, reason: `the process ended during the check${error === null ? '' : `: ${error.killed === true ? `no answer in ${PATIENCE / 1000} s` : error.signal ?? `exit code ${error.code}`}`}` });
      }
    });
  });
}
