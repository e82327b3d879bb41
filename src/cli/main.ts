import type { ExitCode } from './command.js';
import { Command, CommanderError } from 'commander';
import { isAbandoned } from '../jobs/stop/abandon.js';
import { releaseSignals, takeSignals } from '../jobs/stop/interrupt.js';
import { packageVersion } from '../package.js';
import { commands } from './commands/index.js';
import { SUMMARIES } from './commands/summaries.js';
import type { CommandName } from './commands/summaries.js';
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
  await addCommands(program, argv, (code) => { exitCode = code; });
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

/** Adds the command that is asked for, and for the others what the help and the messages of the program say of them. */
async function addCommands(program: Command, argv: readonly string[], done: (code: ExitCode) => void): Promise<void> {
  const wanted = argv.find((word) => !word.startsWith('-') && word !== 'help');
  const names = Object.keys(SUMMARIES) as CommandName[];
  for (const name of names) {
    if (name === wanted) (await commands[name].load())(program, done);
    else program.command(name).description(SUMMARIES[name]);
  }
  // Only now, since commands take over what the program has.
  const parameters = new Map<string, string>(names.map((name) => [name, commands[name].parameters]));
  program.configureHelp({ subcommandTerm: (command) => `${command.name()} ${parameters.get(command.name()) ?? '[command]'}`.trimEnd() });
}
