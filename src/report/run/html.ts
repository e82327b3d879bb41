import { escapeXml } from '../charts/escape.js';

/** A table cell: text (escaped), or the text of a number (right-aligned). */
export type Cell = string | { readonly number: string };

/** A right-aligned cell with the text of a number. */
export function num(number: string): Cell {
  return { number };
}

/** A share 0..1 in percent, with one decimal by default; a dash if it is not finite. */
export function percent(share: number, decimals = 1): string {
  return Number.isFinite(share) ? (100 * share).toFixed(decimals) : '–';
}

/** A table with a caption for screen readers. It scrolls if it is too wide. */
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

/** A section of the page; empty if it has no content. */
export function section(id: string, title: string, content: readonly string[]): string {
  if (content.length === 0) return '';
  return [`<section id="${id}" aria-labelledby="${id}-title">`, `<h2 id="${id}-title">${escapeXml(title)}</h2>`, ...content, '</section>'].join('\n');
}

/** Long content that is collapsed at first. */
export function folded(summary: string, content: string): string {
  return `<details><summary>${escapeXml(summary)}</summary>\n${content}\n</details>`;
}

/** A paragraph of text. */
export function paragraph(text: string, kind?: string): string {
  // A no-break space keeps a number and its percent sign on one line.
  return `<p${kind === undefined ? '' : ` class="${kind}"`}>${escapeXml(text.replace(/(?<=\d) (?=%)/g, '\u00a0'))}</p>`;
}
