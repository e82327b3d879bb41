// Which images the gallery shows, and in which order.

/** The mean IoU of one image in [0, 1] under a way of scoring ignored pixels; null where it has none. */
export function meanOf(image, prediction, way) {
  return image.scores[prediction]?.mean[way] ?? null;
}

/** By how much the run's seeds are better than another prediction; null where one of them has no score. */
export function differenceOf(image, prediction, way) {
  const [own, other] = [meanOf(image, 0, way), meanOf(image, prediction, way)];
  return own === null || other === null ? null : own - other;
}

/** The number that an order goes by, ascending; null comes last. */
function keyOf(sort, way) {
  const [kind, prediction] = sort.split(':');
  const negated = (value) => (value === null ? null : -value);
  switch (kind) {
    case 'worst': return (image) => meanOf(image, 0, way);
    case 'best': return (image) => negated(meanOf(image, 0, way));
    case 'less': return (image) => differenceOf(image, Number(prediction), way);
    case 'more': return (image) => negated(differenceOf(image, Number(prediction), way));
    case 'fewest': return (image) => image.labels.length;
    case 'most': return (image) => -image.labels.length;
    default: return () => 0;
  }
}

/**
 * The images that hold a class and whose id holds a text, in an order; equal ones by id.
 *
 * @param images [{ id, labels, scores }]
 * @param query { sort, label: 0 for all, text, way }
 */
export function selectImages(images, { sort, label, text, way }) {
  const key = keyOf(sort, way);
  const wanted = text.trim().toLowerCase();
  const rank = (value) => (value === null ? Infinity : value);
  return images
    .filter(({ id, labels }) => (label === 0 || labels.includes(label)) && id.toLowerCase().includes(wanted))
    .map((image) => ({ image, value: rank(key(image)) }))
    .sort((a, b) => (a.value === b.value ? (a.image.id < b.image.id ? -1 : 1) : a.value - b.value))
    .map(({ image }) => image);
}
