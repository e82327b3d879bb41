import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { messageOf, UserError } from '../../errors.js';

/** Unless this variable is set, ONNX Runtime writes a device id and a database of events under the home folder and sends events to a collector. */
const VARIABLE = 'ORT_DISABLE_TELEMETRY';

/** Told to the worker threads that are started from now on: the process's own environment is settled. */
const SETTLED = 'voc-seeds:telemetry';

/** How long to wait for the main thread, in milliseconds. */
const PATIENCE = 10_000;

/**
 * Switches ONNX Runtime's telemetry off for the whole process, to be called before the library is loaded. A value that the
 * user has given the variable stays, whatever it is.
 *
 * @throws UserError in a worker thread if the main thread cannot be reached
 */
export async function disableTelemetry(): Promise<void> {
  if (getEnvironmentData(SETTLED) === true) return;
  process.env[VARIABLE] ??= '1';
  // In a worker, process.env is a copy by default, and the library reads the environment of the process.
  if (!isMainThread) await setInMainThread(process.env[VARIABLE]);
  setEnvironmentData(SETTLED, true);
}

/** The inspector is the one way from a worker to a main thread that knows nothing of it. */
async function setInMainThread(value: string): Promise<void> {
  let waiting: NodeJS.Timeout | undefined;
  try {
    const { Session } = await import('node:inspector/promises');
    const session = new Session();
    session.connectToMainThread();
    // A session alone does not keep a thread alive.
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
