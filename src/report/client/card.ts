// Parts of the page for images.
import type { PageData, PageImage } from '../run/page-data.js';
import { element } from './elements.js';
import { BOX_KINDS } from './boxes.js';
import { ERROR_KINDS } from './errors.js';
import { differenceOf, meanOf } from './query.js';

/** A fraction as a percentage. */
export function percentText(share: number | null): string {
  return share === null ? '–' : (100 * share).toFixed(1);
}

/** A difference of fractions in percentage points, with its sign. */
export function pointsText(difference: number | null): string {
  if (difference === null) return '–';
  return `${difference > 0 ? '+' : ''}${(100 * difference).toFixed(1)}`.replace('-', '−');
}

/** A small coloured box, hidden from screen readers. */
function swatch(background: string, className = 'swatch'): HTMLElement {
  const made = element('i', { className, 'aria-hidden': 'true' });
  made.style.background = background;
  return made;
}

/** A chip with the name and colour of a label's class. */
export function chip(data: PageData, label: number): HTMLElement {
  return element('span', { className: 'chip' }, swatch(`rgb(${data.palette[label].join(' ')})`), data.classes[label]);
}

/** A photograph and the canvas of its overlay. */
export interface Picture {
  readonly box: HTMLElement;
  readonly canvas: HTMLCanvasElement;
}

/** A photograph with a canvas over it. */
export function picture(image: PageImage, source: string | null): Picture {
  const canvas = element('canvas', { 'aria-hidden': 'true' });
  canvas.width = canvas.height = 1;
  const photo = source === null
    ? element('span', { className: 'no-photo', text: 'photograph not on disk' })
    : element('img', { alt: `Photograph ${image.id}`, loading: 'lazy', decoding: 'async', width: image.w, height: image.h, src: source });
  return { box: element('span', { className: 'picture' }, photo, canvas), canvas };
}

/** Options of {@link makeCard}. */
export interface CardOptions {
  readonly image: PageImage;
  readonly data: PageData;
  /** The address of the photograph. */
  readonly source: string | null;
  readonly way: string;
  /** The prediction that the card compares the run's seeds with; 0 for none. */
  readonly compared: number;
  /** Called when the card is clicked. */
  readonly open: () => void;
}

/** The card of an image in the gallery. */
export interface Card {
  readonly image: PageImage;
  readonly element: HTMLElement;
  readonly button: HTMLButtonElement;
  readonly canvas: HTMLCanvasElement;
  /** Whether it is in or near the visible part of the page. */
  visible: boolean;
}

export function makeCard({ image, data, source, way, compared, open }: CardOptions): Card {
  const mean = meanOf(image, 0, way);
  const { box, canvas } = picture(image, source);
  const names = image.labels.map((label) => data.classes[label]);
  const score = mean === null ? '' : `, IoU ${percentText(mean)} %`;
  const spoken = `${image.id}${score}${names.length > 0 ? `, ${names.join(', ')}` : ''}: large view`;
  const button = element('button', { 'type': 'button', 'className': 'open', 'aria-haspopup': 'dialog', 'aria-label': spoken }, box);
  button.addEventListener('click', open);
  const head = element('div', { className: 'card-head' }, element('span', { className: 'id', text: image.id, title: image.id }));
  if (mean !== null) head.append(element('span', { className: 'score', text: `${percentText(mean)} %`, title: 'mean IoU over the classes of this image' }));
  const foot = element('div', { className: 'card-foot' }, ...image.labels.map((label) => chip(data, label)));
  foot.append(...(image.kinds ?? []).map((kind) => element('span', { className: 'kind', text: data.kinds[kind] })));
  if (compared > 0) {
    const difference = differenceOf(image, compared, way);
    foot.append(element('span', { className: 'difference', text: `${pointsText(difference)} against ${data.predictions[compared]}` }));
  }
  return { image, element: element('li', { className: 'card' }, button, head, foot), button, canvas, visible: false };
}

/** Shows what the colours of an overlay mean. */
export function fillLegend(container: HTMLElement, overlay: string, data: PageData): void {
  const [kind] = overlay.split(':');
  container.replaceChildren();
  if (kind === 'errors') {
    container.append(...ERROR_KINDS.map(({ kind: error, name, colour }) => {
      const ink = element('i', { 'className': `swatch ${error}`, 'aria-hidden': 'true' });
      ink.style.setProperty('--colour', `rgb(${colour.join(' ')})`);
      return element('span', { className: 'chip' }, ink, name);
    }));
  } else if (kind === 'boxes') {
    container.append(...BOX_KINDS.map(({ kind: box, name, colour }) => {
      const frame = element('i', { 'className': `swatch frame ${box}`, 'aria-hidden': 'true' });
      frame.style.borderColor = colour;
      return element('span', { className: 'chip' }, frame, name);
    }));
  } else if (kind === 'map') {
    const stops = [0, 32, 64, 96, 128, 160, 192, 224, 255].map((value) => `rgb(${data.heat[value].join(' ')})`);
    container.append(element('span', { className: 'chip' }, '0', swatch(`linear-gradient(to right, ${stops.join(', ')})`, 'scale'), '1'));
  } else if (kind !== 'photo') {
    container.append(
      element('span', { className: 'chip', text: 'VOC colours; background is clear' }),
      element('span', { className: 'chip' }, swatch('rgb(224 224 192)'), kind === 'truth' ? 'void' : 'ignored'),
    );
  }
  container.hidden = container.childElementCount === 0;
}
