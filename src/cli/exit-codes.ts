/** The exit codes of all commands. */
export const EXIT = {
  /** Success. */
  ok: 0,
  /** Wrong usage, or an error that stopped the command. */
  fatal: 1,
  /** The command finished, but some items failed. They are listed with their reasons. */
  failures: 2,
  /** Interrupted by Ctrl-C or SIGTERM. Images in progress were finished and recorded, or given up after a second signal. */
  interrupted: 130,
} as const;
