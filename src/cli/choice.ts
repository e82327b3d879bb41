import { InvalidArgumentError, Option } from 'commander';
import { nearest } from '../nearest.js';

/** An option that takes one of some words; help lists them, and a misspelt one is told what was probably meant. */
export function choice(flags: string, description: string, words: readonly string[]): Option {
  // The first names the words for the help; its message would not suggest one.
  return new Option(flags, description).choices(words).argParser((text: string) => parseChoice(text, words));
}

/** One of some words. */
export function parseChoice<Word extends string>(text: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new InvalidArgumentError(notAChoice(text, words));
  return found;
}

/** `Allowed are a, b. Did you mean b?` */
export function notAChoice(text: string, words: readonly string[]): string {
  const near = nearest(text, words);
  return `Allowed are ${words.join(', ')}.${near === undefined ? '' : ` Did you mean ${near}?`}`;
}
