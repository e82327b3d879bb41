import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { writeError, writeFileAtomic } from '../jobs/files/atomic.js';
import { parseJsonLines } from '../jobs/files/json-lines.js';
import { OutFolder } from '../jobs/files/out-folder.js';
import { readRegularFile } from '../jobs/files/read-file.js';
import { trainingPage } from '../report/charts/training-page.js';
import type { EpochResult } from './checkpoint.js';

/** A pass in the log. */
export interface StepRecord {
  /** From 1. */
  readonly step: number;
  readonly loss: number;
  readonly rate: number;
}

/** The log of a training run: `log.jsonl` with one line per pass and per epoch, and `training.html`, a page with its curves. */
export class TrainingLog {
  private readonly path: string;

  private constructor(
    private readonly folder: string, private readonly settings: Readonly<Record<string, unknown>>, private readonly steps: StepRecord[],
    private readonly place: OutFolder,
  ) {
    this.path = join(folder, 'log.jsonl');
  }

  /**
   * Opens the log in a folder. Entries of an earlier run after the resumed position are removed.
   *
   * @param step the number of finished passes; 0 starts a new log
   * @param epochs the finished epochs
   * @throws UserError if the folder cannot be written to, or its log.jsonl is not the log of a training run
   */
  static async open(folder: string, settings: Readonly<Record<string, unknown>>, step: number, epochs: readonly EpochResult[]): Promise<TrainingLog> {
    const known = await readSteps(join(folder, 'log.jsonl'));
    const place = await OutFolder.open(folder);
    const before = known.filter((record) => record.step <= step);
    const log = new TrainingLog(folder, settings, before, place);
    const lines: (StepRecord | EpochResult)[] = [...before, ...epochs];
    await writeFileAtomic(log.path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return log;
  }

  /** @throws UserError if the folder has been removed or replaced since the log was opened */
  async check(): Promise<void> {
    await this.place.check();
  }

  async close(): Promise<void> {
    await this.place.close();
  }

  async step(record: StepRecord): Promise<void> {
    await this.check();
    this.steps.push(record);
    await this.append(record);
  }

  /** Appends the last of these epochs to the log, and writes the page again. */
  async epoch(epochs: readonly EpochResult[]): Promise<void> {
    const last = epochs.at(-1);
    if (last !== undefined) await this.append(last);
    await writeFileAtomic(join(this.folder, 'training.html'), trainingPage({ title: 'Training', steps: this.steps, epochs, settings: this.settings }));
  }

  private async append(line: StepRecord | EpochResult): Promise<void> {
    try {
      await appendFile(this.path, `${JSON.stringify(line)}\n`);
    } catch (error) {
      throw writeError(this.path, error);
    }
  }
}

/** @throws UserError if the file exists but has no line of a log */
async function readSteps(path: string): Promise<StepRecord[]> {
  let text: string;
  try {
    text = (await readRegularFile(path)).toString();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw notALog(path, error);
  }
  const lines = parseJsonLines(text) as Partial<StepRecord & EpochResult>[];
  const steps = lines.filter((line): line is StepRecord => typeof line.step === 'number' && typeof line.loss === 'number');
  // A killed run may have left only half a line.
  if (text.trim() !== '' && steps.length === 0 && !lines.some(({ epoch }) => typeof epoch === 'number') && !'{"step":'.startsWith(text.slice(0, 8))) {
    throw notALog(path);
  }
  return steps;
}

function notALog(path: string, cause?: unknown): UserError {
  return new UserError(`${path} is not the log of a training run and would be overwritten`, 'name another --work folder, or move the file away', { cause });
}
