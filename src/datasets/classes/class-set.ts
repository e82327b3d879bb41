import { UserError } from '../../errors.js';
import { didYouMean } from '../../text/nearest.js';
import { printable } from '../../text/printable.js';
import { IGNORE_LABEL } from '../label-map.js';
import { VOC_PALETTE } from '../palette.js';

/** The label 0. */
export const BACKGROUND_NAME = 'background';

/** The most classes of a set: labels are bytes, 0 is the background and 255 is ignored. */
export const MOST_CLASSES = IGNORE_LABEL - 1;

/** A colour: red, green, blue, each 0..255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** A class set as plain data: it can be sent to worker threads and written to files. */
export interface ClassSetData {
  /** Its name in messages and records: `voc`, `coco`, or the file's name. */
  readonly name: string;
  /** The classes in order; the label of `classes[i]` is i + 1. */
  readonly classes: readonly string[];
  /** Other names of classes. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Colours of classes by name; the others have VOC's colour of their label. */
  readonly colours?: Readonly<Record<string, Colour>>;
  /** The ids of the classes in the annotations of a data set, if they are not 1, 2, 3, ... */
  readonly categoryIds?: readonly number[];
}

/**
 * The classes of a data set: 1 to 254 names. The label of a class is its place in the list, from 1; 0 is the background and 255 is
 * ignored.
 *
 * ```ts
 * const set = new ClassSet({ name: 'defects', classes: ['scratch', 'dent'] });
 * set.indexOf('Dent'); // 2
 * set.nameOf(0); // background
 * ```
 */
export class ClassSet {
  readonly name: string;
  /** The names in order, without the background. */
  readonly classes: readonly string[];
  /** The number of labels that are scored: the background and the classes. */
  readonly labelCount: number;
  /** The colours of the labels 0..255 as R, G, B bytes (768): black for 0, VOC's rule for classes without their own colour. */
  readonly palette: Readonly<Uint8Array>;
  private readonly indices: ReadonlyMap<string, number>;
  private readonly labels = new Map<number, number>();

  /** @throws UserError if there are no classes, more than 254, or two that cannot be told apart */
  constructor(readonly data: ClassSetData) {
    const { name, classes, aliases = {} } = data;
    this.name = name;
    this.classes = classes;
    this.labelCount = classes.length + 1;
    this.indices = indicesOf(data);
    for (const [alias, own] of Object.entries(aliases)) {
      const index = this.indices.get(compact(own));
      if (index === undefined) throw new UserError(`the class set ${name} has the alias '${printable(alias)}' for '${printable(own)}', which is not one of its classes`, didYouMean(own, classes));
    }
    this.palette = paletteOf(data);
    // The first label wins, so that a class is never mistaken for an unused label with the same colour.
    for (const label of [IGNORE_LABEL, ...Array.from({ length: IGNORE_LABEL }, (_, i) => i)]) {
      const [red, green, blue] = this.colourOf(label);
      const colour = red << 16 | green << 8 | blue;
      if (!this.labels.has(colour)) this.labels.set(colour, label);
    }
  }

  /** How messages call one of its classes: `a VOC class`. */
  get oneOf(): string {
    return this.name === 'voc' ? 'a VOC class' : `a class of ${this.name}`;
  }

  /**
   * The label of a class (1..254) for a text, or `undefined`. Accepts names and aliases in any case, with or without spaces, `-`,
   * `_` and `/`, and the numbers "1", "2", ... The background is not a class.
   */
  indexOf(text: string): number | undefined {
    const name = text.trim();
    if (/^\d+$/.test(name)) return Number(name) >= 1 && Number(name) <= this.classes.length ? Number(name) : undefined;
    return this.indices.get(compact(name));
  }

  /**
   * Like {@link indexOf}, for a text that must name a class.
   *
   * @param where where the text comes from, put before the error message: `labels.txt:7`
   * @throws {UserError} if it is not a class; the hint lists the names
   */
  require(text: string, where?: string): number {
    const index = this.indexOf(text);
    if (index !== undefined) return index;
    throw new UserError(
      `${where === undefined ? '' : `${where}: `}"${printable(text)}" is not ${this.oneOf}`,
      `The classes are 1..${this.classes.length} or their names: ${shortList(this.classes)}.${this.name === 'voc' ? ' For other classes, use --class-set.' : ''}`);
  }

  /**
   * The name of a label: `background` for 0, else that of the class.
   *
   * @throws {RangeError} for other labels
   */
  nameOf(label: number): string {
    const name = label === 0 ? BACKGROUND_NAME : this.classes[label - 1];
    if (name === undefined) throw new RangeError(`${this.oneOf.replace(/^a /, 'no ')} has the label ${label}`);
    return name;
  }

  /** Whether a label can be in a mask: the background, a class, or 255. */
  hasLabel(label: number): boolean {
    return label < this.labelCount || label === IGNORE_LABEL;
  }

  /** The colour of a label, 0..255. */
  colourOf(label: number): Colour {
    const [red, green, blue] = this.palette.subarray(label * 3, label * 3 + 3);
    return [red, green, blue];
  }

  /** The label (0..255) with a colour, or `undefined` for a colour that is not in the palette. */
  labelOfColour(red: number, green: number, blue: number): number | undefined {
    return this.labels.get(red << 16 | green << 8 | blue);
  }
}

/** Some names for a message: all of a short list, the first ones of a long one. */
function shortList(names: readonly string[]): string {
  const shown = names.slice(0, 30).map((name) => printable(name));
  return shown.length < names.length ? `${shown.join(', ')}, ... (${names.length} in all)` : shown.join(', ');
}

/** A name without differences that do not matter: case, spaces, `-`, `_` and `/`. */
function compact(name: string): string {
  return name.normalize('NFC').toLowerCase().replace(/[\s_/-]/g, '');
}

function indicesOf({ name: set, classes, aliases = {} }: ClassSetData): Map<string, number> {
  const refuse = (problem: string, hint: string): UserError => new UserError(`the class set ${set} ${problem}`, hint);
  if (classes.length === 0) throw refuse('has no classes', 'name at least one');
  if (classes.length > MOST_CLASSES) throw refuse(`has ${classes.length} classes`, `a label is a byte, with 0 for the background and 255 for ignored pixels: use at most ${MOST_CLASSES} classes`);
  const indices = new Map<string, number>();
  classes.forEach((name, i) => {
    const key = compact(name);
    const [shown, before] = [printable(name), indices.get(key)];
    if (key === '') throw refuse(`has an empty name (class ${i + 1})`, 'name every class');
    if (/^\d+$/.test(name.trim())) throw refuse(`has the class name '${shown}', a number`, `numbers are labels (1..${classes.length}): use a name with a letter`);
    if (key === BACKGROUND_NAME) throw refuse('has a class called background', 'leave it out: the background is always label 0');
    if (before !== undefined) throw refuse(`has two classes called '${shown}' (${before} and ${i + 1})`, 'upper case, spaces, -, _ and / make no difference: use other names');
    indices.set(key, i + 1);
  });
  for (const [alias, own] of Object.entries(aliases)) {
    const [key, index] = [compact(alias), indices.get(compact(own))];
    const known = indices.get(key);
    if (known !== undefined && known !== index) throw refuse(`has the name '${printable(alias)}' for two classes (${known} and ${index})`, 'leave one of them out');
    if (index !== undefined) indices.set(key, index);
  }
  return indices;
}

function paletteOf({ name: set, classes, colours = {} }: ClassSetData): Readonly<Uint8Array> {
  const own = classes.flatMap((name, i) => (Object.hasOwn(colours, name) ? [[i + 1, colours[name]] as const] : []));
  if (own.length === 0) return VOC_PALETTE;
  const palette = Uint8Array.from(VOC_PALETTE);
  for (const [label, colour] of own) palette.set(colour, 3 * label);
  const seen = new Map<string, string>();
  [BACKGROUND_NAME, ...classes, 'ignored pixels (255)'].forEach((name, label, { length }) => {
    const at = 3 * (label === length - 1 ? IGNORE_LABEL : label);
    const colour = palette.subarray(at, at + 3).join(', ');
    const before = seen.get(colour);
    if (before !== undefined) throw new UserError(`the class set ${set} has the same colour (${colour}) for ${printable(before)} and ${printable(name)}`, 'give one of them another colour');
    seen.set(colour, name);
  });
  return palette;
}
