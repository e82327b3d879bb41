import { InvalidArgumentError, Option } from 'commander';
import { nearest } from '../../text/nearest.js';

/** An option that takes one of some words; help lists them, and a misspelt one is told what was probably meant. */
export function choice(flags: string, description: string, words: readonly string[]): Option {
  // The library's own message would not suggest one.
  return new Option(flags, description).choices(words).argParser((text: string) => parseChoice(text, words, 'Allowed choices are'));
}

/** One of some words. */
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
