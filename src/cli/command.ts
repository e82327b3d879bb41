import type { Command } from 'commander';

/** The exit code of a command's action. */
export type ExitCode = number;

/** Adds a command to the program. `done` receives the exit code of its action. */
export type CommandRegistrar = (program: Command, done: (code: ExitCode) => void) => void;
