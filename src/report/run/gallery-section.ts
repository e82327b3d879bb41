import { escapeXml } from '../charts/escape.js';
import type { OverlayChoice } from './page-data.js';

/** An order of the images. */
export interface SortChoice {
  readonly value: string;
  readonly name: string;
}

/** The controls of a gallery. */
export interface GalleryControls {
  readonly overlays: readonly OverlayChoice[];
  readonly sorts: readonly SortChoice[];
  readonly classes: { readonly nameOf: (label: number) => string };
  /** The classes in the gallery, by label. */
  readonly labels: readonly number[];
  /** The kinds of results that the gallery can be filtered by. */
  readonly kinds?: readonly string[];
  /** Which images are in the gallery, if not all. */
  readonly note?: string;
}

const SIBLING_KEYS: ReadonlyMap<string, string> = new Map([['CAM', 'a'], ['Unrefined', 'u'], ['Refined', 'r']]);

/** The available overlays. */
export function overlayChoices(
  predictions: readonly string[], { truth, maps }: { readonly truth: boolean; readonly maps: boolean },
): OverlayChoice[] {
  const keyOf = (name: string, i: number): string => (i === 0 ? 's' : SIBLING_KEYS.get(name) ?? 'c');
  return [
    { value: 'photo', name: 'Photo', key: 'p' },
    ...(maps ? [{ value: 'map', name: 'Map', key: 'm' }] : []),
    ...predictions.map((name, i) => ({ value: `labels:${i}`, name, key: keyOf(name, i) })),
    ...(truth
      ? [{ value: 'truth', name: 'Truth', key: 't' }, ...predictions.map((name, i) => ({
          value: `errors:${i}`, name: predictions.length === 1 ? 'Errors' : `Errors of ${name}`, key: ['e', 'f', 'g', 'h', 'i'][i],
        }))]
      : []),
  ];
}

/** The available orders. */
export function sortChoices(predictions: readonly string[], scored: boolean): SortChoice[] {
  return [
    ...(scored ? [{ value: 'worst', name: 'IoU, worst first' }, { value: 'best', name: 'IoU, best first' }] : []),
    ...(scored
      ? predictions.slice(1).flatMap((name, i) => [
          { value: `less:${i + 1}`, name: `${predictions[0]} worse than ${name}` }, { value: `more:${i + 1}`, name: `${predictions[0]} better than ${name}` },
        ])
      : []),
    { value: 'id', name: 'Id' },
    { value: 'random', name: 'Random' },
    { value: 'most', name: 'Most classes first' },
    { value: 'fewest', name: 'Fewest classes first' },
  ];
}

/** The gallery without images: controls, an empty grid and the dialogs. The page's script fills in the images. */
export function gallerySection({ overlays, sorts, classes, labels, kinds = [], note }: GalleryControls): string {
  const [initial] = ['errors:0', 'labels:0', 'boxes:0'].flatMap((wanted) => overlays.filter(({ value }) => value === wanted));
  const options = (choices: readonly SortChoice[]): string => choices.map(({ value, name }) => `<option value="${escapeXml(value)}">${escapeXml(name)}</option>`).join('');
  const radios = (group: string, withKeys: boolean): string => overlays.map(({ value, name, key }) => (
    `<label${withKeys && key !== '' ? ` title="key ${key}"` : ''}><input type="radio" name="${group}" value="${escapeXml(value)}"${value === initial.value ? ' checked' : ''}><span>${escapeXml(name)}</span></label>`
  )).join('');
  return `<section id="gallery" aria-labelledby="gallery-title">
<h2 id="gallery-title">Gallery</h2>
${note === undefined ? '' : `<p class="note">${escapeXml(note)}</p>`}
<noscript><p class="warning">The gallery needs JavaScript; the tables and charts above do not.</p></noscript>
<div class="bar">
<div class="filters">
<div class="field"><label for="sort">Sort</label> <select id="sort">${options(sorts)}</select></div>
<div class="field"><label for="class">Class</label> <select id="class"><option value="0">all</option>${labels.map((label) => `<option value="${label}">${escapeXml(classes.nameOf(label))}</option>`).join('')}</select></div>
${kinds.length === 0 ? '' : `<div class="field"><label for="kind">Result</label> <select id="kind"><option value="">all</option>${kinds.map((name, i) => `<option value="${i}">${escapeXml(name)}</option>`).join('')}</select></div>\n`}<div class="field grow"><label for="search">Id</label> <input id="search" type="search" placeholder="part of an id" autocomplete="off" spellcheck="false"></div>
<p id="count" class="count" role="status"></p>
</div>
<div class="toolbar" role="toolbar" aria-label="Overlay">
<div class="choices" role="radiogroup" aria-label="Overlay on the photographs">${radios('overlay', true)}</div>
<label class="opacity" for="opacity"><span>Opacity</span><input id="opacity" type="range" min="0" max="100" value="70"><output id="opacity-value" for="opacity">70 %</output></label>
<button type="button" id="help-open" class="plain" aria-haspopup="dialog">Keys</button>
</div>
<div id="legend" class="legend" hidden></div>
</div>
<ul id="grid" class="grid" aria-label="Images"></ul>
<p id="empty" class="empty" hidden>No image matches.</p>
<nav class="pages" aria-label="Pages of the gallery">
<button type="button" id="previous">Previous</button>
<p><label for="page">Page</label> <input id="page" type="number" min="1" value="1" inputmode="numeric"> of <span id="pages">1</span></p>
<button type="button" id="next">Next</button>
</nav>
</section>
<dialog id="viewer" autofocus aria-labelledby="viewer-title">
<div class="viewer-head">
<h2 id="viewer-title"></h2>
<p id="viewer-place" class="count"></p>
<button type="button" id="viewer-previous" aria-label="Previous image" title="Previous (left arrow)">&#8592;</button>
<button type="button" id="viewer-next" aria-label="Next image" title="Next (right arrow)">&#8594;</button>
<button type="button" id="viewer-close" aria-label="Close" title="Close (Esc)">&#215;</button>
</div>
<div class="viewer-body">
<div class="viewer-picture">
<div id="stage" class="picture stage"></div>
<p id="probe" class="probe" aria-hidden="true"></p>
<div class="toolbar">
<label class="opacity" for="viewer-opacity"><span>Opacity</span><input id="viewer-opacity" type="range" min="0" max="100" value="70"></label>
<div id="viewer-legend" class="legend"></div>
</div>
<div id="panels" class="panels" role="group" aria-label="Overlay on the photograph"></div>
</div>
<div id="facts" class="facts"></div>
</div>
</dialog>
<dialog id="help" autofocus aria-labelledby="help-title">
<div class="viewer-head"><h2 id="help-title">Keys</h2><button type="button" id="help-close" aria-label="Close" title="Close (Esc)">&#215;</button></div>
<dl class="keys">
<div><dt><kbd>&#8592;</kbd> <kbd>&#8594;</kbd> <kbd>&#8593;</kbd> <kbd>&#8595;</kbd></dt><dd>the image to the left, right, above or below; in the large view the previous or next image</dd></div>
<div><dt><kbd>k</kbd> <kbd>j</kbd></dt><dd>the previous or next image</dd></div>
<div><dt><kbd>Enter</kbd></dt><dd>open the large view of the image</dd></div>
<div><dt><kbd>Esc</kbd></dt><dd>close the large view</dd></div>
${overlays.filter(({ key }) => key !== '').map(({ key, name }) => `<div><dt><kbd>${key}</kbd></dt><dd>${escapeXml(name)}${key === 'p' ? ' without overlay' : key === 'm' ? '; press again for the photo, or in the large view for the next class' : '; press again for the photo'}</dd></div>`).join('\n')}
<div><dt><kbd>-</kbd> <kbd>+</kbd></dt><dd>less or more opaque</dd></div>
<div><dt><kbd>/</kbd></dt><dd>search by id</dd></div>
<div><dt><kbd>?</kbd></dt><dd>this list</dd></div>
</dl>
</dialog>`;
}
