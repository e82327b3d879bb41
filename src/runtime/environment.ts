import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { messageOf, UserError } from '../errors.js';

/** Variables that ONNX Runtime and CUDA's libraries read from the environment of the process. */
const VARIABLES: Readonly<Record<string, string>> = {
  /** Without it, ONNX Runtime writes a device id and a database of events to the home folder and sends events to a collector. */
  ORT_DISABLE_TELEMETRY: '1',
  /**
   * Without it, CUDA's convolutions and matrix products round their inputs to 10 bits (TF32), and single cells of maps differ by up
   * to a third of the largest value.
   */
  NVIDIA_TF32_OVERRIDE: '0',
};

/** Tells worker threads that are started later that the variables are set in the environment of the process. */
const SETTLED = 'voc-seeds:environment';

/** The time limit for the main thread, in milliseconds. */
const PATIENCE = 10_000;

/**
 * Sets {@link VARIABLES} for the whole process, so that ONNX Runtime sends no telemetry and CUDA computes in single precision. It must
 * be called before ONNX Runtime or TensorFlow is loaded. If the user has set a variable, its value is kept.
 *
 * @throws UserError in a worker thread if the main thread cannot be reached
 */
export async function prepareEnvironment(): Promise<void> {
  if (getEnvironmentData(SETTLED) === true) return;
  for (const [name, value] of Object.entries(VARIABLES)) process.env[name] ??= value;
  // In a worker, process.env is a copy by default, but the libraries read the environment of the process.
  if (!isMainThread) await setInMainThread();
  setEnvironmentData(SETTLED, true);
}

/** Uses the inspector, which is the only way for a worker to reach a main thread that does not listen to it. */
async function setInMainThread(): Promise<void> {
  let waiting: NodeJS.Timeout | undefined;
  try {
    const { Session } = await import('node:inspector/promises');
    const session = new Session();
    session.connectToMainThread();
    // A session does not keep a thread alive, but a timer does.
    const late = new Promise<never>((_, reject) => {
      waiting = setTimeout(reject, PATIENCE, new Error('the main thread does not answer'));
    });
    const expression = Object.keys(VARIABLES).map((name) => `process.env.${name} ??= ${JSON.stringify(process.env[name])};`).join(' ');
    const set = session.post('Runtime.evaluate', { expression });
    await Promise.race([set, late]);
    session.disconnect();
  } catch (error) {
    throw new UserError(
      `ONNX Runtime's telemetry cannot be switched off from this worker thread: ${messageOf(error)}`,
      'set ORT_DISABLE_TELEMETRY=1 in the environment of the process', { cause: error },
    );
  } finally {
    clearTimeout(waiting);
  }
}
