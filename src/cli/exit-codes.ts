/** Exit codes of every command. */
export const EXIT = {
  /** All well. */
  ok: 0,
  /** Wrong usage, or an error that ended the command before its work was done. */
  fatal: 1,
  /** The work was finished, but some items failed; they are listed with their reasons. */
  failures: 2,
  /** Interrupted by Ctrl-C or SIGTERM: what was in hand was finished and recorded, or given up after a second signal. */
  interrupted: 130,
} as const;
