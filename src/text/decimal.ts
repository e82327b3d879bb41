/**
 * A number as people write it: `0.3`, `-1`, `.5`, `1e-4`. `undefined` for anything else, also for what JavaScript alone takes
 * for a number: nothing at all, `0x10`, `Infinity`.
 */
export function parseDecimal(text: string): number | undefined {
  if (!/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
