import { abandonWork } from './abandon.js';
import { UnderWay } from './under-way.js';

/** Watches for Ctrl-C while a batch runs. */
export interface InterruptWatch {
  /** Aborted at the first one. */
  readonly signal: AbortSignal;
  dispose(): void;
}

/** The exit code of an interrupted process, as in shells: 128 plus the number of SIGINT. */
const EXIT_CODE = 130;

/** After SIGTERM, in milliseconds: the time to finish current items, and then the time to give up. */
const TIME_TO_FINISH = 2500;
const TIME_TO_GIVE_UP = 2000;

/** The time to give up after the second Ctrl-C, in milliseconds. A third Ctrl-C ends the process at once. */
const PATIENCE = 10_000;

/** Work that must not be cut off: tasks of worker threads and file writes. */
const underWay = new UnderWay();

/** Whether this process is the command line. Only then do we handle signals. */
let inCharge = false;
/** The number of reasons to handle signals now. Without one, signals end the process as usual, even if it is busy. */
let reasons = 0;
let listening = false;
/** Asks the running batch to finish. */
let askToFinish: (() => void) | undefined;
let finishing: NodeJS.Timeout | undefined;
/** After a first signal, signals are handled until the end: a second one may come while the process ends. */
let signalled = false;
let givingUp = false;

/**
 * From now on, a signal lets current work finish safely before the process ends. Only the command line calls this. As a
 * library, we leave signals to the program.
 */
export function takeSignals(): void {
  inCharge = true;
  listen();
}

/** Undoes {@link takeSignals}, unless a signal has come. */
export function releaseSignals(): void {
  inCharge = signalled;
  listen();
}

/** Whether a signal has come since {@link takeSignals}. */
export function wasSignalled(): boolean {
  return signalled;
}

/**
 * Until released, a signal does not cut off current work; see {@link untilDone}.
 *
 * @returns releases it; further calls do nothing
 */
export function holdSignals(): () => void {
  reasons++;
  listen();
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    reasons--;
    listen();
  };
}

/** Makes an interrupted process wait for this work before it ends. */
export function untilDone<T>(work: Promise<T>): Promise<T> {
  return underWay.watch(work);
}

/**
 * The first Ctrl-C (or SIGTERM) asks the batch to finish its current items. A second one gives them up: work stops at the next
 * safe point, and the process exits with 130. After SIGTERM, this happens by itself after a few seconds.
 *
 * @param notify called at the first signal
 */
export function watchInterrupt(notify: () => void): InterruptWatch {
  const controller = new AbortController();
  const release = holdSignals();
  askToFinish = () => {
    askToFinish = undefined;
    controller.abort();
    notify();
  };
  return {
    signal: controller.signal,
    dispose: () => {
      askToFinish = undefined;
      release();
    },
  };
}

function listen(): void {
  const wanted = inCharge && (reasons > 0 || signalled);
  if (wanted === listening) return;
  listening = wanted;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    if (wanted) process.on(signal, onSignal);
    else process.off(signal, onSignal);
  }
}

function onSignal(signal: NodeJS.Signals): void {
  signalled = true;
  if (givingUp) die();
  else if (askToFinish === undefined) giveUp(signal === 'SIGTERM' ? TIME_TO_GIVE_UP : PATIENCE);
  else {
    if (signal === 'SIGTERM') finishing = setTimeout(() => { giveUp(TIME_TO_GIVE_UP); }, TIME_TO_FINISH).unref();
    askToFinish();
  }
}

/**
 * `process.exit` stops threads anywhere, and a thread inside native code then aborts the process. So every thread is first
 * asked to stop, which it does before it next runs a network or writes a file.
 */
function giveUp(patience: number): void {
  if (givingUp) return;
  givingUp = true;
  clearTimeout(finishing);
  abandonWork();
  const deadline = performance.now() + patience;
  setInterval(() => {
    if (isAtRest()) {
      showCursor();
      process.exit(EXIT_CODE);
    }
    if (performance.now() > deadline) die();
  }, 10);
}

/** `process.exit` waits for file system calls, even forever if the disk does not answer. */
function isAtRest(): boolean {
  return underWay.size === 0 && !process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
}

/** Ends the process at once, without running anything else. A shell shows 130 here too. */
function die(): void {
  showCursor();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeAllListeners(signal);
  process.kill(process.pid, 'SIGINT');
}

/** Undoes a progress bar's hiding of the cursor. */
function showCursor(): void {
  if (process.stderr.isTTY) process.stderr.write('\u001B[?25h\n');
}
