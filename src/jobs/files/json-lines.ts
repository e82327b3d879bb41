/** The objects of a text of JSON lines. What is no object, like the half line of a process that was killed, is left out. */
export function parseJsonLines(text: string): object[] {
  return text.split('\n').flatMap((line): object[] => {
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === 'object' && value !== null ? [value] : [];
    } catch {
      return [];
    }
  });
}
