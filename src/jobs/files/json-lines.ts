/** The objects in a text of JSON lines. Other lines, such as the half line of a killed process, are skipped. */
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
