import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { messageOf, UserError } from '../../errors.js';

/** Without this variable, ONNX Runtime writes a device id and a database of events to the home folder and sends events to a collector. */
const VARIABLE = 'ORT_DISABLE_TELEMETRY';

/** Tells worker threads that are started later that the variable is set in the environment of the process. */
const SETTLED = 'voc-seeds:telemetry';

/** The time limit for the main thread, in milliseconds. */
const PATIENCE = 10_000;

/**
 * Switches ONNX Runtime's telemetry off for the whole process. It must be called before the library is loaded. If the user has
 * set the variable, its value is kept.
 *
 * @throws UserError in a worker thread if the main thread cannot be reached
 */
export async function disableTelemetry(): Promise<void> {
  if (getEnvironmentData(SETTLED) === true) return;
  process.env[VARIABLE] ??= '1';
  // In a worker, process.env is a copy by default, but the library reads the environment of the process.
  if (!isMainThread) await setInMainThread(process.env[VARIABLE]);
  setEnvironmentData(SETTLED, true);
}

/** Uses the inspector, which is the only way for a worker to reach a main thread that does not listen to it. */
async function setInMainThread(value: string): Promise<void> {
  let waiting: NodeJS.Timeout | undefined;
  try {
    const { Session } = await import('node:inspector/promises');
    const session = new Session();
    session.connectToMainThread();
    // A session does not keep a thread alive, but a timer does.
    const late = new Promise<never>((_, reject) => {
      waiting = setTimeout(reject, PATIENCE, new Error('the main thread does not answer'));
    });
    const set = session.post('Runtime.evaluate', { expression: `process.env.${VARIABLE} ??= ${JSON.stringify(value)}` });
    await Promise.race([set, late]);
    session.disconnect();
  } catch (error) {
    throw new UserError(
      `ONNX Runtime's telemetry cannot be switched off from this worker thread: ${messageOf(error)}`,
      `set ${VARIABLE}=1 in the environment of the process`, { cause: error },
    );
  } finally {
    clearTimeout(waiting);
  }
}
