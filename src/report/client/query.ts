// Which images the gallery shows, and in which order.
import type { PageImage } from '../run/page-data.js';

/** The fields of an image that the order and the filters need. */
export type QueriedImage = Pick<PageImage, 'id' | 'labels' | 'kinds'> & { readonly scores: readonly (Pick<NonNullable<PageImage['scores'][number]>, 'mean'> | null)[] };

/** An order, filters by class (0 for all), kind of result (all without one) and part of the id, and the way of scoring ignored pixels. */
export interface Query {
  readonly sort: string;
  readonly label: number;
  readonly kind?: number;
  readonly text: string;
  readonly way: string;
}

/** The mean IoU of one image, 0..1, for a way of scoring ignored pixels; null if it has none. */
export function meanOf(image: QueriedImage, prediction: number, way: string): number | null {
  return image.scores[prediction]?.mean[way] ?? null;
}

/** The mean IoU of the run's seeds minus that of another prediction; null if one of them has no score. */
export function differenceOf(image: QueriedImage, prediction: number, way: string): number | null {
  const [own, other] = [meanOf(image, 0, way), meanOf(image, prediction, way)];
  return own === null || other === null ? null : own - other;
}

/** The sort key of an order, ascending; null comes last. */
function keyOf(sort: string, way: string): (image: QueriedImage) => number | null {
  const [kind, prediction] = sort.split(':');
  const negated = (value: number | null): number | null => (value === null ? null : -value);
  switch (kind) {
    case 'worst': return (image) => meanOf(image, 0, way);
    case 'best': return (image) => negated(meanOf(image, 0, way));
    case 'less': return (image) => differenceOf(image, Number(prediction), way);
    case 'more': return (image) => negated(differenceOf(image, Number(prediction), way));
    case 'random': return ({ id }) => scrambled(id);
    case 'fewest': return (image) => image.labels.length;
    case 'most': return (image) => -image.labels.length;
    default: return () => 0;
  }
}

/** A number that looks random, and is always the same for an id (FNV-1a, then mixed as in MurmurHash 3). */
function scrambled(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The images that match the filters, in the query's order; equal ones by id. */
export function selectImages<T extends QueriedImage>(images: readonly T[], { sort, label, kind, text, way }: Query): T[] {
  const key = keyOf(sort, way);
  const wanted = text.trim().toLowerCase();
  return images
    .filter(({ labels, kinds = [] }) => (label === 0 || labels.includes(label)) && (kind === undefined || kinds.includes(kind)))
    .filter(({ id }) => id.toLowerCase().includes(wanted))
    .map((image) => ({ image, value: key(image) ?? Infinity }))
    .sort((a, b) => (a.value === b.value ? (a.image.id < b.image.id ? -1 : 1) : a.value - b.value))
    .map(({ image }) => image);
}
