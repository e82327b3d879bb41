/** A cell of a CSV file (RFC 4180): in quotes if it has commas, quotes or line breaks. */
export function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
