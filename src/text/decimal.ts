/**
 * Parses a decimal number: `0.3`, `-1`, `.5`, `1e-4`. `undefined` for anything else, including the empty string, `0x10` and
 * `Infinity`, which JavaScript's `Number` accepts.
 */
export function parseDecimal(text: string): number | undefined {
  if (!/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
