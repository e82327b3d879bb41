import { escapeXml } from '../charts/escape.js';
import type { ClientAssets } from './client.js';
import type { InlinePanels, PageData } from './page-data.js';
import { scriptJson } from './script-json.js';

/** The parts of a page, each as HTML or empty. */
export interface PageParts {
  readonly title: string;
  readonly subtitle: string;
  readonly overview: string;
  readonly remarks: readonly string[];
  readonly sections: readonly { readonly id: string; readonly name: string; readonly html: string }[];
  readonly assets: ClientAssets;
  /** For the gallery; without it, the page has none. */
  readonly data?: PageData;
  /** For a single file: the pixels of every image. */
  readonly panels?: InlinePanels;
}

// Nothing may be loaded from elsewhere, neither by mistake nor through the text of an id or a setting.
const POLICY = [
  'default-src \'none\'', 'style-src \'unsafe-inline\'', 'script-src \'unsafe-inline\' \'self\' file:', 'img-src \'self\' file: data: blob:',
].join('; ');

/** The whole page. It needs no other files, except those of the images if the report is a folder. */
export function reportPage({ title, subtitle, overview, remarks, sections, assets, data, panels }: PageParts): string {
  const shown = sections.filter(({ html }) => html !== '');
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escapeXml(title)}</title>`,
    `<style>\n${assets.style}</style>`,
    '</head>',
    '<body class="report">',
    ...(data === undefined ? [] : ['<a class="skip" href="#gallery">Skip to the gallery</a>']),
    '<header>',
    `<div><h1>${escapeXml(title)}</h1><p>${escapeXml(subtitle)}</p></div>`,
    '<button type="button" id="theme" class="plain">Theme: system</button>',
    '</header>',
    `<nav class="contents" aria-label="Contents">${shown.map(({ id, name }) => `<a href="#${id}">${escapeXml(name)}</a>`).join('')}</nav>`,
    '<main>',
    overview,
    ...remarks.map((remark) => `<p class="warning">${escapeXml(remark)}</p>`),
    ...shown.map(({ html }) => html),
    '</main>',
    ...(data === undefined ? [] : [`<script type="application/json" id="report-data">${scriptJson(data)}</script>`]),
    ...(panels === undefined ? [] : [`<script type="application/json" id="report-panels">${scriptJson(panels)}</script>`]),
    `<script>\n${assets.script}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}
