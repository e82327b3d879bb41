/** Which images a gallery shows if it does not show all. */
export const GALLERY_CHOICES = ['worst', 'best', 'random', 'first'] as const;
export type GalleryChoice = typeof GALLERY_CHOICES[number];

/**
 * Chooses images for the gallery, by id.
 *
 * @param ids of all images, in the order of the list
 * @param score of an image, 0..1; images with NaN or `undefined` come last
 * @param most the largest number of images
 * @returns the chosen ids in the order of the list; all ids if there are no more than `most`
 */
export function chooseImages(ids: readonly string[], score: (id: string) => number | undefined, most: number, choice: GalleryChoice): string[] {
  if (ids.length <= most) return [...ids];
  const chosen = new Set(ordered(ids, score, choice).slice(0, most));
  return ids.filter((id) => chosen.has(id));
}

/**
 * Describes the contents of a gallery that does not show all images.
 *
 * @param scored whether images have scores; without scores, `worst` and `best` mean the first images of the list
 */
export function choiceText(shown: number, all: number, choice: GalleryChoice, scored: boolean): string {
  const which: Readonly<Record<GalleryChoice, string>> = {
    worst: 'those with the lowest mean IoU', best: 'those with the highest mean IoU', random: 'drawn at random', first: 'the first of the list',
  };
  const text = scored || choice === 'random' ? which[choice] : which.first;
  return `${shown.toLocaleString('en-US')} of ${all.toLocaleString('en-US')} images: ${text}.${scored ? ' The scores above include all images with ground truth.' : ''}`;
}

function ordered(ids: readonly string[], score: (id: string) => number | undefined, choice: GalleryChoice): string[] {
  if (choice === 'first') return [...ids];
  if (choice === 'random') return ids.map((id) => [scrambled(id), id] as const).sort(([a], [b]) => a - b).map(([, id]) => id);
  const key = (id: string): number => {
    const value = score(id);
    if (value === undefined || Number.isNaN(value)) return Infinity;
    return choice === 'worst' ? value : -value;
  };
  return ids.map((id) => [key(id), id] as const).sort(([a], [b]) => (a === b ? 0 : a - b)).map(([, id]) => id);
}

/** A pseudo-random number that is always the same for an id (FNV-1a, then mixed as in MurmurHash 3). */
function scrambled(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
