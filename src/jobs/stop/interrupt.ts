import { abandonWork } from './abandon.js';
import { UnderWay } from './under-way.js';

/** Watches for Ctrl-C while a batch runs. */
export interface InterruptWatch {
  /** Aborted at the first one. */
  readonly signal: AbortSignal;
  dispose(): void;
}

/** What an interrupted process ends with, as shells have it: 128 and the number of SIGINT. */
const EXIT_CODE = 130;

/** After SIGTERM: how long a batch may finish what it has in hand, and how long it may take after that to give up. In milliseconds. */
const TIME_TO_FINISH = 2500;
const TIME_TO_GIVE_UP = 2000;

/** After the second Ctrl-C: whoever does not want to wait so long for one run of a large network presses it once more. */
const PATIENCE = 10_000;

/** What must not be cut off: tasks of worker threads, files that are being written. */
const underWay = new UnderWay();

/** Whether this process is the command line, which alone may decide what a signal does. */
let inCharge = false;
/** Why signals are listened to at present; with no reason, they end the process as they always do, even one that is busy. */
let reasons = 0;
let listening = false;
/** Asks the batch that runs to finish. */
let askToFinish: (() => void) | undefined;
let finishing: NodeJS.Timeout | undefined;
/** After a first signal they are listened to until the end: a second one may come while the process ends by itself. */
let signalled = false;
let givingUp = false;

/**
 * From now on, a signal lets what is under way come to rest before the process ends. The command line calls this; in a
 * library's process, signals are the program's own affair.
 */
export function takeSignals(): void {
  inCharge = true;
  listen();
}

/** Ends what {@link takeSignals} has begun, unless the process has been told to end. */
export function releaseSignals(): void {
  inCharge = signalled;
  listen();
}

/** Whether a signal has come while {@link takeSignals} held. */
export function wasSignalled(): boolean {
  return signalled;
}

/**
 * While this is held, a signal does not cut off what is under way; see {@link untilDone}.
 *
 * @returns lets it go; once is enough
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

/** Names something that an interrupted process waits for before it ends. */
export function untilDone<T>(work: Promise<T>): Promise<T> {
  return underWay.watch(work);
}

/**
 * The first Ctrl-C (or SIGTERM) asks the batch to finish what it has in hand; a second one gives that up: what is under way
 * comes to rest at the next safe point, and the process ends with 130. SIGTERM is followed by this after a few seconds.
 *
 * @param notify called at the first one
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
 * `process.exit` stops threads wherever they are, and one that is inside native code then ends the process with an abort. So
 * every thread is asked to come to rest, which it does before its next run of a network and before it writes a file.
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

/** `process.exit` waits for calls to the file system, for ever if the disk does not answer. */
function isAtRest(): boolean {
  return underWay.size === 0 && !process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
}

/** Ends the process on the spot, without running anything: a shell shows 130 as well. */
function die(): void {
  showCursor();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeAllListeners(signal);
  process.kill(process.pid, 'SIGINT');
}

/** A progress bar has hidden it. */
function showCursor(): void {
  if (process.stderr.isTTY) process.stderr.write('\u001B[?25h\n');
}
