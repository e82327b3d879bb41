import type { CommandRegistrar } from './main.js';

/** Every command, in the order of the help text. */
export const commands: readonly CommandRegistrar[] = [];
