import { InvalidArgumentError } from 'commander';
import { UserError } from '../../errors.js';
import { MAX_WORKERS } from '../../runtime/settings.js';
import { parseDecimal } from '../../text/decimal.js';

/** Turns a function that throws `UserError` into the parser of a flag. */
export function argument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof UserError) throw new InvalidArgumentError(error.hint === undefined ? error.message : `${error.message} ${error.hint}`);
      throw error;
    }
  };
}

export function parseNumber(text: string): number {
  const value = parseDecimal(text);
  if (value === undefined) throw new InvalidArgumentError('Expected a number.');
  return value;
}

export function parseCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text) || !Number.isSafeInteger(Number(text))) throw new InvalidArgumentError('Expected a whole number from 1 up.');
  return Number(text);
}

export function parseCountUpTo(most: number, text: string): number {
  if (!/^[1-9]\d*$/.test(text) || Number(text) > most) throw new InvalidArgumentError(`Expected a whole number from 1 to ${most}.`);
  return Number(text);
}

/** Parses `--workers`. */
export function parseWorkers(text: string): number {
  return parseCountUpTo(MAX_WORKERS, text);
}
