/**
 * An error with a message for the user: what is wrong, where, and how to fix it. The command line prints only the message
 * (no stack trace) and exits with code 1. In a batch, it is recorded as the reason why an item failed.
 */
export class UserError extends Error {
  override readonly name = 'UserError';

  /**
   * @param message what is wrong and where
   * @param hint how to fix it, printed on its own line
   */
  constructor(message: string, readonly hint?: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The message of anything that was thrown, followed by the hint of a {@link UserError}. */
export function messageOf(error: unknown): string {
  if (error instanceof UserError && error.hint !== undefined) return `${error.message} (${error.hint})`;
  return error instanceof Error ? error.message : String(error);
}

/**
 * Runs an action on a file, and puts the file's name before the message of a {@link UserError} that it throws.
 *
 * @param what the file's name in messages
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
