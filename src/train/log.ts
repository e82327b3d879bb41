import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, writeError, writeFileAtomic } from '../jobs/files.js';
import { parseJsonLines } from '../jobs/json-lines.js';
import { trainingPage } from '../report/training-page.js';
import type { EpochResult } from './checkpoint.js';

/** One pass, as the log has it. */
export interface StepRecord {
  /** From 1. */
  readonly step: number;
  readonly loss: number;
  readonly rate: number;
}

/** The log of a training run: `log.jsonl`, one line per pass and per epoch, and `training.html`, a page with its curves. */
export class TrainingLog {
  private readonly path: string;

  private constructor(
    private readonly folder: string, private readonly settings: Readonly<Record<string, unknown>>, private readonly steps: StepRecord[],
  ) {
    this.path = join(folder, 'log.jsonl');
  }

  /**
   * Opens the log in a folder. What an earlier run wrote behind the point from which this one goes on is cut off.
   *
   * @param step the passes that are done; 0 begins anew
   * @param epochs the epochs that are done
   */
  static async open(folder: string, settings: Readonly<Record<string, unknown>>, step: number, epochs: readonly EpochResult[]): Promise<TrainingLog> {
    await makeFolder(folder);
    const before = step === 0 ? [] : await readSteps(join(folder, 'log.jsonl'), step);
    const log = new TrainingLog(folder, settings, before);
    const lines: (StepRecord | EpochResult)[] = [...before, ...epochs];
    await writeFileAtomic(log.path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return log;
  }

  async step(record: StepRecord): Promise<void> {
    this.steps.push(record);
    await this.append(record);
  }

  /** Writes the last of these epochs, and the page anew. */
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

async function readSteps(path: string, last: number): Promise<StepRecord[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return (parseJsonLines(text) as Partial<StepRecord>[]).filter((record): record is StepRecord => record.step !== undefined && record.step <= last);
}
