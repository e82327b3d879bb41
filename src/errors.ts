/**
 * An error whose message is meant for the person at the terminal: it says what is wrong, where, and how to mend it.
 * The command line prints the message alone (no stack) and exits with code 1; inside a batch it is the reason
 * recorded for the item that failed.
 */
export class UserError extends Error {
  override readonly name = 'UserError';

  /**
   * @param message what is wrong and where
   * @param hint how to mend it, printed on a line of its own
   */
  constructor(message: string, readonly hint?: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The message of anything that was thrown, with the hint of a {@link UserError} behind it. */
export function messageOf(error: unknown): string {
  if (error instanceof UserError && error.hint !== undefined) return `${error.message} (${error.hint})`;
  return error instanceof Error ? error.message : String(error);
}

/**
 * Does something with a file, and puts its name before the message of a {@link UserError} that this throws.
 *
 * @param what how messages call the file
 */
export function naming<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof UserError) || error.message.includes(what)) throw error;
    throw new UserError(`${what}: ${error.message}`, error.hint, { cause: error });
  }
}

/**
 * A setting that cannot be left out.
 *
 * @throws UserError if it is undefined; it names the flag, and gives an example
 */
export function requireFlag<T>(value: T | undefined, flag: string, example: string): T {
  if (value === undefined) throw new UserError(`${flag} is missing`, `For instance: ${flag} ${example}`);
  return value;
}
