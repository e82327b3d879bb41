import { UserError } from '../errors.js';
import { parseDecimal } from './decimal.js';

/**
 * Parses names separated by commas; a comma of a name itself is written `\,`.
 *
 * @throws UserError if there is none
 */
export function parseNames(text: string): string[] {
  const names = text.split(/(?<!\\),/).map((name) => name.trim().replaceAll('\\,', ',')).filter((name) => name !== '');
  if (names.length === 0) throw new UserError('Expected names separated by commas.');
  return names;
}

/**
 * Parses numbers separated by commas.
 *
 * @throws UserError for anything else
 */
export function parseNumbers(text: string): number[] {
  return text.split(',').map((part) => {
    const value = parseDecimal(part);
    if (value === undefined) throw new UserError('Expected numbers separated by commas.');
    return value;
  });
}

/**
 * Parses factors separated by commas.
 *
 * @throws UserError for anything else
 */
export function parsePositiveNumbers(text: string): number[] {
  const values = text.split(',').map((part) => parseDecimal(part) ?? 0);
  if (!values.every((value) => value > 0)) throw new UserError('Expected numbers above 0 separated by commas, for example 0.5,1,1.5,2.');
  return values;
}
