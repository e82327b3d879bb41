import type { Command } from 'commander';

/** What a command's action hands back: its exit code. */
export type ExitCode = number;

/** Adds one command to the program; `done` takes the exit code when its action has ended. */
export type CommandRegistrar = (program: Command, done: (code: ExitCode) => void) => void;
