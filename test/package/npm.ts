import { execFile } from 'node:child_process';

/** How a program has ended, and what it has printed. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of a person at a terminal: `npm test` leaves variables of its own, which would point npm at this package. */
function environment(): NodeJS.ProcessEnv {
  const ours = /^(?:npm_(?:package|lifecycle|command|execpath)|npm_config_local_prefix|NODE_OPTIONS$|VITEST|ONNXRUNTIME_NODE)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

/** Runs a program in a folder to its end. */
export function execute(folder: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const options = { cwd: folder, env: { ...environment(), ...env }, maxBuffer: 2 ** 26, shell: process.platform === 'win32' && program !== process.execPath };
  return new Promise((resolve) => {
    execFile(program, [...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr });
    });
  });
}

/**
 * Packs this package as it was last built, without building it again under tests that run from dist/.
 *
 * @returns the tarball's name in `folder`, and the paths in it
 */
export async function pack(repository: string, folder: string): Promise<{ readonly filename: string; readonly files: readonly string[] }> {
  const { code, stdout, stderr } = await execute(repository, 'npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]);
  if (code !== 0) throw new Error(`npm pack ended with ${code}: ${stderr}`);
  // Newer versions of npm print an object by package names, older ones a list.
  const [packed] = Object.values(JSON.parse(stdout) as Record<string, { filename: string; files: { path: string }[] }>);
  return { filename: packed.filename, files: packed.files.map(({ path }) => path) };
}
