/**
 * Encodes run lengths as MS COCO's compressed string, as pycocotools does: from the fourth number on the difference to the number two
 * before, in groups of 5 bits, lowest first, each a character from `0` on.
 *
 * @param counts the lengths of runs of 0 and 1 in turn, column by column, beginning with 0
 */
export function encodeRleCounts(counts: ArrayLike<number>): string {
  const bytes: number[] = [];
  for (let i = 0; i < counts.length; i++) {
    let rest = i > 2 ? counts[i] - counts[i - 2] : counts[i];
    for (let more = true; more;) {
      let group = rest & 0x1f;
      rest >>= 5;
      // The highest bit of the last group is the sign.
      more = (group & 0x10) === 0 ? rest !== 0 : rest !== -1;
      if (more) group |= 0x20;
      bytes.push(group + 48);
    }
  }
  return Buffer.from(bytes).toString('latin1');
}
