import { UserError } from '../errors.js';
import { nearest } from '../text/nearest.js';

/**
 * The index of a class's logit.
 *
 * @param name its name, in upper or lower case, or its index
 * @param path the classifier's file, for the message
 * @throws UserError if there is no such class
 */
export function logitOf(classes: readonly string[], name: string | number, path: string): number {
  if (typeof name === 'number' && Number.isInteger(name) && name >= 0 && name < classes.length) return name;
  const text = String(name);
  const byName = classes.findIndex((own) => own.toLowerCase() === text.toLowerCase());
  if (byName >= 0) return byName;
  if (/^\d+$/.test(text) && Number(text) < classes.length) return Number(text);
  const similar = classes.filter((own) => own.toLowerCase().includes(text.toLowerCase())).slice(0, 5);
  const near = nearest(text, classes);
  throw new UserError(`${path} has no class '${text}'`, similar.length > 0 ? `similar: ${similar.join('; ')}` : near !== undefined ? `did you mean ${near}?` : `classes: ${classes.slice(0, 20).join(', ')}`);
}
