import type { ExitCode } from './command.js';
import { Command, CommanderError } from 'commander';
import { isAbandoned } from '../jobs/stop/abandon.js';
import { releaseSignals, takeSignals } from '../jobs/stop/interrupt.js';
import { packageVersion } from '../package.js';
import { commands } from './commands/index.js';
import { EXIT } from './exit-codes.js';
import { describeError } from './text/report-error.js';

/**
 * Runs the command line.
 *
 * @param argv the arguments after `voc-seeds`
 * @returns the exit code, see {@link EXIT}
 */
export async function main(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const program = new Command('voc-seeds')
    .description('Make segmentation seeds from image-level labels: LayerCAM maps of PASCAL VOC images, fused, thresholded, written as label PNGs and scored by mIoU.')
    .version(packageVersion())
    .showHelpAfterError('(add --help for the options and examples)')
    .exitOverride();
  const [name] = argv;
  // Help and errors of the program itself name all commands.
  const wanted = name !== undefined && Object.hasOwn(commands, name) ? [commands[name]] : Object.values(commands);
  for (const register of await Promise.all(wanted.map((load) => load()))) register(program, (code) => { exitCode = code; });
  for (const command of program.commands) command.exitOverride();
  takeSignals();
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.fatal;
    // The user has stopped the command, so errors after that do not matter.
    if (isAbandoned()) return EXIT.interrupted;
    process.stderr.write(describeError(error));
    return EXIT.fatal;
  } finally {
    releaseSignals();
  }
}
