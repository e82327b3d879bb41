import { stat } from 'node:fs/promises';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { basename } from 'node:path';
import { loadClassifier } from '../../classifier/load.js';
import { messageOf } from '../../errors.js';
import { loadSharp } from '../../image/libvips.js';
import { hashFile } from '../../jobs/files/hash.js';
import { strideAliases } from '../../classifier/layers.js';
import { defaultModelPath, packageVersion } from '../../package.js';
import { checkDevices } from '../../runtime/check.js';
import type { DeviceCheck } from '../../runtime/check.js';
import { EXIT } from '../exit-codes.js';
import type { CommandRegistrar } from '../command.js';
import { SUMMARIES } from './summaries.js';

/** The result of the command, printed by `--json`. Memory is in bytes. */
interface Findings {
  readonly 'voc-seeds': string;
  readonly 'machine': { readonly node: string; readonly platform: string; readonly cores: number; readonly memory: number; readonly freeMemory: number };
  readonly 'images': { readonly sharp: string; readonly libvips: string; readonly reads: readonly string[] };
  readonly 'classifier': ClassifierFindings;
  readonly 'runtimes': readonly DeviceCheck[];
  /** The choice of `--runtime auto`. */
  readonly 'auto': string | undefined;
}

type ClassifierFindings = { readonly file: string } & (
  | { readonly works: true; readonly bytes: number; readonly sha256: string; readonly classes: number; readonly layers: readonly string[] }
  | { readonly works: false; readonly reason: string });

const help = `
Every device is tested with a small graph. The exit code is 0 if one works, else 1.

Examples:
  # Which --runtime and --device work here?
  voc-seeds doctor

  # For a bug report
  voc-seeds doctor --json
`;

/** `voc-seeds doctor` */
export const registerDoctor: CommandRegistrar = (program, done) => {
  program.command('doctor')
    .description(SUMMARIES.doctor)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', help)
    .action(async ({ json }: { json?: boolean }) => {
      const findings = await examine();
      process.stdout.write(json === true ? `${JSON.stringify(findings, null, 2)}\n` : describe(findings));
      done(findings.auto === undefined ? EXIT.fatal : EXIT.ok);
    });
};

async function examine(): Promise<Findings> {
  const runtimes = await checkDevices();
  const works = (runtime: string, device: string): string | undefined => {
    const found = runtimes.find((each) => each.runtime === runtime && each.device === device);
    return found?.works === true ? found.description : undefined;
  };
  const sharp = loadSharp();
  return {
    'voc-seeds': packageVersion(),
    'machine': {
      node: process.version, platform: `${process.platform} ${process.arch}`, cores: availableParallelism(), memory: totalmem(), freeMemory: freemem(),
    },
    'images': {
      sharp: sharp.versions.sharp ?? 'unknown', libvips: sharp.versions.vips,
      reads: Object.entries(sharp.format).flatMap(([name, format]) => ((format as { input: { file: boolean } }).input.file ? [name] : [])).sort(),
    },
    'classifier': await examineClassifier(defaultModelPath()),
    runtimes,
    'auto': works('tfjs', 'gpu') ?? works('ort', 'cpu') ?? works('tfjs', 'node') ?? works('tfjs', 'wasm') ?? works('tfjs', 'cpu'),
  };
}

async function examineClassifier(file: string): Promise<ClassifierFindings> {
  try {
    const { graph, spec } = await loadClassifier(file);
    const layers = [...strideAliases(graph.layers).keys()];
    return { file, works: true, bytes: (await stat(file)).size, sha256: await hashFile(file), classes: spec.classes.length, layers };
  } catch (error) {
    return { file, works: false, reason: messageOf(error) };
  }
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

function describe({ machine, images, classifier, runtimes, auto, ...rest }: Findings): string {
  const lines = [
    `voc-seeds   ${rest['voc-seeds']}`,
    `machine     Node.js ${machine.node}, ${machine.platform}, ${machine.cores} cores, ${gibibytes(machine.memory)} of memory, ${gibibytes(machine.freeMemory)} free`,
    `images      sharp ${images.sharp}, libvips ${images.libvips}; reads ${images.reads.join(', ')}`,
    `classifier  ${describeClassifier(classifier)}`,
    '',
    'Runtimes',
    ...runtimes.flatMap(describeDevice),
    '',
    auto === undefined ? 'No runtime works here.' : `--runtime auto uses ${auto}.`,
  ];
  return `${lines.join('\n')}\n`;
}

function describeClassifier(found: ClassifierFindings): string {
  const name = basename(found.file);
  if (!found.works) return `${name} does not load: ${found.reason}`;
  return `${name}, ${(found.bytes / 1e6).toFixed(1)} MB, SHA-256 ${found.sha256.slice(0, 16)}; loads, ${found.classes} classes, layers ${found.layers.join(', ')}`;
}

function describeDevice(found: DeviceCheck): string[] {
  const head = `  --runtime ${found.runtime.padEnd(4)} --device ${found.device.padEnd(6)} `;
  if (found.works) return [`${head} works: ${found.description}${found.simd === undefined ? '' : found.simd ? ', with SIMD' : ', without SIMD'}`];
  return [`${head} no: ${found.reason}`, ...found.hint === undefined ? [] : [`${' '.repeat(head.length + 5)}${found.hint}`]];
}
