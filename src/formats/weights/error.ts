/** A weights file cannot be read. The message says why, without the file's name ("it is cut short"). */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';

  /**
   * @param message what is wrong
   * @param hint how to fix it
   */
  constructor(message: string, readonly hint?: string) {
    super(message);
  }
}

/** The error for a file that ends before its content does. */
export function cutShort(): WeightsError {
  return new WeightsError('it is cut short', 'copy or download it again');
}
