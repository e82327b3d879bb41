import { escapeXml } from '../charts/escape.js';

/** A cell of a table: text, which is escaped, or a number with its text, which stands on the right. */
export type Cell = string | { readonly number: string };

/** The text of a number that stands on the right. */
export function num(number: string): Cell {
  return { number };
}

/** A share of 1 in percent, with one decimal; a dash where there is none. */
export function percent(share: number, decimals = 1): string {
  return Number.isFinite(share) ? (100 * share).toFixed(decimals) : '–';
}

/** A table with a caption for those who cannot see where it stands; it scrolls by itself where it is too wide. */
export function table(caption: string, head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const numeric = head.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] !== 'string'));
  const cell = (value: Cell, column: number): string => {
    if (typeof value !== 'string') return `<td class="num">${escapeXml(value.number)}</td>`;
    return column === 0 ? `<th scope="row">${escapeXml(value)}</th>` : `<td>${escapeXml(value)}</td>`;
  };
  return [
    `<div class="scroll" role="region" tabindex="0" aria-label="${escapeXml(caption)}"><table>`,
    `<caption class="hidden">${escapeXml(caption)}</caption>`,
    `<thead><tr>${head.map((title, column) => `<th scope="col"${numeric[column] ? ' class="num"' : ''}>${escapeXml(title)}</th>`).join('')}</tr></thead>`,
    '<tbody>',
    ...rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`),
    '</tbody>',
    '</table></div>',
  ].join('\n');
}

/** A section of the page; nothing where it has no content. */
export function section(id: string, title: string, content: readonly string[]): string {
  if (content.length === 0) return '';
  return [`<section id="${id}" aria-labelledby="${id}-title">`, `<h2 id="${id}-title">${escapeXml(title)}</h2>`, ...content, '</section>'].join('\n');
}

/** Something long that is folded away at first. */
export function folded(summary: string, content: string): string {
  return `<details><summary>${escapeXml(summary)}</summary>\n${content}\n</details>`;
}

/** A paragraph of text. */
export function paragraph(text: string, kind?: string): string {
  // A number and its percent sign stay in one line.
  return `<p${kind === undefined ? '' : ` class="${kind}"`}>${escapeXml(text.replace(/(?<=\d) (?=%)/g, '\u00a0'))}</p>`;
}
