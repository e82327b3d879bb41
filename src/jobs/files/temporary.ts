import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** `<name>.<machine>-<pid>-<random>.tmp`; earlier versions left the machine out. */
const TEMPORARY = /\.(?:(?<machine>[0-9a-f]{8})-)?(?<pid>\d+)-[0-9a-f]{8}\.tmp$/;

/** A file without changes for this long is abandoned, whoever its writer was. */
const ABANDONED_MS = 10 * 60_000;

/** The same if the writer is not running here, but may be running on another machine. */
const ABANDONED_BY_UNKNOWN_MS = 60_000;

/** The clocks of a file server and this machine may differ a little. */
const CLOCK_MARGIN_MS = 10_000;

/** The temporary name under which `path` is written before it is renamed. It contains the writing machine and process. */
export function temporaryName(path: string): string {
  return `${path}.${machineId()}-${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
}

/** Whether a name was made by {@link temporaryName}. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}

/**
 * Removes the temporary files that killed processes left in a folder, but none that may still be written to: those of this
 * machine whose process is gone, and any without changes for ten minutes. The folder may be shared with other machines.
 * Files that cannot be removed are left.
 *
 * @param prefix only files whose name starts with this
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
  // In a restarted container, this process may have the same id as the killed one.
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
  // Linux: a zombie has ended, too.
  const state = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return !/^.*\) [ZX]/s.test(state);
}

let machine: string | undefined;

/** Eight digits for the scope of process ids: this machine since its last start, and this container. */
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
    // These files only exist on Linux.
    return '';
  }
}
