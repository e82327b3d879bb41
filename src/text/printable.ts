/** Characters that control a terminal or are invisible. */
// eslint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Text from a file, made safe for a message: control characters are escaped (`\u001b`), and long text is cut.
 *
 * @param longest the most characters to keep
 */
export function printable(text: string, longest = 80): string {
  const shown = text.length > longest ? `${text.slice(0, longest)}...` : text;
  return shown.replace(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
