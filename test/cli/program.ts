import { spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { join } from 'node:path';
import { repository } from '../helpers.js';

export interface Ended {
  /** `null` if a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Program {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Settles when standard error holds this text, or the process has ended. */
  says(text: string): Promise<void>;
}

/** Starts Node.js with these arguments as a process of its own. */
export function startNode(argv: readonly string[], options: SpawnOptions = {}): Program {
  const process = spawn('node', argv, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  process.stdout?.on('data', (data) => { stdout += String(data); });
  process.stderr?.on('data', (data) => {
    stderr += String(data);
    for (const look of waiting) look();
  });
  const ended = new Promise<Ended>((resolve) => {
    process.on('close', (code, signal) => { resolve({ code, signal, stdout, stderr }); });
  });
  const says = (text: string): Promise<void> => new Promise((resolve) => {
    const look = (): void => { if (stderr.includes(text)) resolve(); };
    waiting.add(look);
    look();
    void ended.then(() => { resolve(); });
  });
  return { process, ended, says };
}

/** Starts the installed program. */
export function startProgram(argv: readonly string[], options?: SpawnOptions): Program {
  return startNode([join(repository, 'bin/voc-seeds.js'), ...argv], options);
}
