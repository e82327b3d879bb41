import { InvalidArgumentError, Option } from 'commander';
import { nearest } from '../../text/nearest.js';

/** An option with a fixed set of values. Help lists them, and the error for a misspelt one suggests the nearest. */
export function choice(flags: string, description: string, words: readonly string[]): Option {
  // Commander's own message has no suggestion.
  return new Option(flags, description).choices(words).argParser((text: string) => parseChoice(text, words, 'Allowed choices are'));
}

/** Parses one of several words. */
export function parseChoice<Word extends string>(text: string, words: readonly Word[], start?: string): Word {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new InvalidArgumentError(notAChoice(text, words, start));
  return found;
}

/** `Allowed are a, b. Did you mean b?` */
export function notAChoice(text: string, words: readonly string[], start = 'Allowed are'): string {
  const near = nearest(text, words);
  return `${start} ${words.join(', ')}.${near === undefined ? '' : ` Did you mean ${near}?`}`;
}
