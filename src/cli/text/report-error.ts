import { UserError } from '../../errors.js';
import { systemProblem } from '../../jobs/files/atomic.js';

/** If this environment variable is set, unexpected errors are printed with their stack. */
const STACK = 'VOC_SEEDS_STACK';

/** The purpose of a system call, for error messages. */
const purposes: Readonly<Record<string, string>> = {
  open: 'open', read: 'read', scandir: 'list', stat: 'access', lstat: 'access', access: 'access', write: 'write', mkdir: 'create the folder',
  rename: 'write', unlink: 'remove', rm: 'remove', rmdir: 'remove', spawn: 'start', uv_cwd: 'find the current folder',
};

/** The error text for the user: one line, and a second one if there is a hint. */
export function describeError(error: unknown): string {
  if (error instanceof UserError) return lines(error.message, error.hint);
  const system = systemProblem(error);
  if (system !== undefined) {
    const { syscall = '', path } = error as NodeJS.ErrnoException;
    const purpose = Object.hasOwn(purposes, syscall) ? purposes[syscall] : syscall;
    return lines(`cannot ${path === undefined ? purpose : `${purpose} ${path}`}: ${system.problem}`, system.hint);
  }
  const { code, message } = error as Partial<NodeJS.ErrnoException>;
  if (code === 'ERR_WORKER_INIT_FAILED' || code === 'ERR_WORKER_OUT_OF_MEMORY') return lines(`a worker thread stopped: ${message}`, 'use fewer --workers');
  const stack = error instanceof Error && process.env[STACK] !== undefined ? error.stack : undefined;
  return lines(
    stack ?? (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
    `This is a bug in voc-seeds. Please report it with the command${stack === undefined ? ` and its output with ${STACK}=1, which shows where it happened` : ''}.`,
  );
}

function lines(message: string, hint: string | undefined): string {
  return `error: ${message}\n${hint === undefined ? '' : `${hint}\n`}`;
}
