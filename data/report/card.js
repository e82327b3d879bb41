// Pieces of the page that stand for images.
import { ERROR_KINDS } from './errors.js';
import { differenceOf, meanOf } from './query.js';

/** Makes an element; text goes in as text, never as HTML. */
export function element(tag, { text, ...properties } = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name in made && name !== 'role') made[name] = value;
    else made.setAttribute(name, value);
  }
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

/** A share of 1 in percent. */
export function percentText(share) {
  return share === null ? '–' : (100 * share).toFixed(1);
}

/** A difference of shares in points, with its sign. */
export function pointsText(difference) {
  if (difference === null) return '–';
  return `${difference > 0 ? '+' : ''}${(100 * difference).toFixed(1)}`.replace('-', '−');
}

/** The class of a label as a chip with its colour. */
export function chip(data, label) {
  const swatch = element('i', { 'className': 'swatch', 'aria-hidden': 'true' });
  swatch.style.background = `rgb(${data.palette[label].join(' ')})`;
  return element('span', { className: 'chip' }, swatch, data.classes[label]);
}

/** A photograph with a canvas over it, of the image's own proportions. */
export function picture(image, source, className = 'picture') {
  const canvas = element('canvas', { 'aria-hidden': 'true' });
  canvas.width = canvas.height = 1;
  const photo = source === null
    ? element('span', { className: 'no-photo', text: 'photograph not on disk' })
    : element('img', { alt: `Photograph ${image.id}`, loading: 'lazy', decoding: 'async', width: image.w, height: image.h, src: source });
  return { box: element('span', { className }, photo, canvas), canvas };
}

/** The card of an image in the gallery; `open` is called when it is chosen. */
export function makeCard({ image, data, source, way, compared, open }) {
  const mean = meanOf(image, 0, way);
  const { box, canvas } = picture(image, source);
  const names = image.labels.map((label) => data.classes[label]);
  const score = mean === null ? '' : `, IoU ${percentText(mean)} %`;
  const button = element('button', { 'type': 'button', 'className': 'open', 'aria-haspopup': 'dialog', 'aria-label': `${image.id}${score}${names.length > 0 ? `, ${names.join(', ')}` : ''}: large view` }, box);
  button.addEventListener('click', open);
  const head = element('div', { className: 'card-head' }, element('span', { className: 'id', text: image.id, title: image.id }));
  if (mean !== null) head.append(element('span', { className: 'score', text: `${percentText(mean)} %`, title: 'mean IoU over the classes of this image' }));
  const foot = element('div', { className: 'card-foot' }, ...image.labels.map((label) => chip(data, label)));
  if (compared > 0) {
    const difference = differenceOf(image, compared, way);
    foot.append(element('span', { className: 'difference', text: `${pointsText(difference)} against ${data.predictions[compared]}` }));
  }
  return { card: element('li', { className: 'card' }, button, head, foot), button, canvas };
}

/** Says what the colours of an overlay mean. */
export function fillLegend(container, overlay, data) {
  const kind = overlay.split(':')[0];
  container.replaceChildren();
  if (kind === 'errors') {
    container.append(...ERROR_KINDS.map(({ kind: name, name: text, colour }) => {
      const swatch = element('i', { 'className': `swatch ${name}`, 'aria-hidden': 'true' });
      swatch.style.setProperty('--colour', `rgb(${colour.join(' ')})`);
      return element('span', { className: 'chip' }, swatch, text);
    }));
  } else if (kind === 'map') {
    const scale = element('i', { 'className': 'scale', 'aria-hidden': 'true' });
    const stops = [0, 32, 64, 96, 128, 160, 192, 224, 255].map((value) => `rgb(${data.heat[value].join(' ')})`);
    scale.style.background = `linear-gradient(to right, ${stops.join(', ')})`;
    container.append(element('span', { className: 'chip' }, '0', scale, '1'));
  } else if (kind !== 'photo') {
    const swatch = element('i', { 'className': 'swatch', 'aria-hidden': 'true' });
    swatch.style.background = 'rgb(224 224 192)';
    container.append(element('span', { className: 'chip', text: 'VOC colours; background is clear' }), element('span', { className: 'chip' }, swatch, kind === 'truth' ? 'void' : 'ignored'));
  }
  container.hidden = container.childElementCount === 0;
}
