import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** `<name>.<machine>-<pid>-<random>.tmp`; earlier versions left the machine out. */
const TEMPORARY = /\.(?:(?<machine>[0-9a-f]{8})-)?(?<pid>\d+)-[0-9a-f]{8}\.tmp$/;

/** A file that nobody has written to for so long is nobody's any more, whoever its writer was. */
const ABANDONED_MS = 10 * 60_000;

/** The same where the writer is not among the processes here, but may be one of another machine. */
const ABANDONED_BY_UNKNOWN_MS = 60_000;

/** Clocks of a file server and of this machine differ a little. */
const CLOCK_MARGIN_MS = 10_000;

/** The temporary name under which `path` is written before it is renamed. It tells which process of which machine writes it. */
export function temporaryName(path: string): string {
  return `${path}.${machineId()}-${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
}

/** Whether a name is one of {@link temporaryName}. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}

/**
 * Removes the temporary files that killed processes left in a folder, never one that may still be written: those of this
 * machine whose process is gone, and any that has not changed for ten minutes. A folder may be shared with other machines.
 * What cannot be removed stays.
 *
 * @param prefix only files whose name begins with this
 */
export async function removeLeftovers(folder: string, prefix = ''): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const found = name.startsWith(prefix) ? TEMPORARY.exec(name)?.groups : undefined;
    if (found === undefined) continue;
    const path = join(folder, name);
    const entry = await stat(path).catch(() => undefined);
    if (entry?.isFile() !== true) continue;
    if (await isLeftover(found.machine, Number(found.pid), entry.mtimeMs)) await rm(path, { force: true }).catch(() => undefined);
  }
}

async function isLeftover(machine: string | undefined, pid: number, changed: number): Promise<boolean> {
  const age = Date.now() - changed;
  if (age > ABANDONED_MS) return true;
  if (machine !== undefined && machine !== machineId()) return false;
  // In a container that is started again, this process may have the number of the one that was killed.
  if (pid === process.pid) return machine !== undefined && changed < Date.now() - process.uptime() * 1000 - CLOCK_MARGIN_MS;
  if (await isAlive(pid)) return false;
  return machine !== undefined || age > ABANDONED_BY_UNKNOWN_MS;
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
  // Linux: a process that has ended but whose parent has not asked for it yet is dead all the same.
  const state = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return !/^.*\) [ZX]/s.test(state);
}

let machine: string | undefined;

/** Eight digits for where process numbers mean what they mean here: the machine since it started, and the container. */
function machineId(): string {
  machine ??= createHash('sha256')
    .update([hostname(), textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')), textOf(() => readlinkSync('/proc/self/ns/pid'))].join('\n'))
    .digest('hex').slice(0, 8);
  return machine;
}

function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    // Only Linux has these.
    return '';
  }
}
