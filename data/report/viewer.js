// The large view of one image.
import { chip, element, fillLegend, percentText, picture, pointsText } from './card.js';
import { differenceOf, meanOf } from './query.js';

const part = (id) => document.getElementById(id);

/** Connects the dialog of the large view; `settings` holds what the gallery shows as well: overlay, map, way. */
export function makeViewer({ data, panels, paint, settings, onMove, onOverlay, onClose }) {
  const dialog = part('viewer');
  let shown = null;
  let panel = null;
  let stage = null;
  let buttons = [];

  /** What can be laid over this image, with the maps of its classes one by one. */
  const choicesOf = () => data.overlays.flatMap(({ value, name }) => {
    if (value !== 'map') return [{ overlay: value, map: null, name }];
    const fused = panel.maps.filter(({ layer }) => layer === '').length;
    return [
      ...(fused > 1 ? [{ overlay: 'map', map: null, name: 'Maps, strongest' }] : []),
      ...panel.maps.map(({ label, layer }) => ({ overlay: 'map', map: { label, layer }, name: `Map: ${data.classes[label]}${layer === '' ? '' : `, ${layer}`}` })),
    ];
  });

  /** Whether a choice is the one that is shown; a single map stands for the strongest one. */
  const isChosen = ({ overlay, map }) => overlay === settings.overlay
    && (overlay !== 'map' || sameMap(map, settings.map) || !buttons.some((button) => button.choice.overlay === 'map' && sameMap(button.choice.map, settings.map)));
  const sameMap = (a, b) => (a === null || b === null ? a === b : a.label === b.label && a.layer === b.layer);

  const refresh = () => {
    if (panel === null || stage === null) return;
    const chosen = buttons.find(({ choice }) => isChosen(choice));
    for (const { button } of buttons) button.setAttribute('aria-pressed', String(button === chosen?.button));
    stage.canvas.hidden = chosen === undefined || settings.overlay === 'photo' || !paint(stage.canvas, panel, settings.overlay, chosen.choice.map);
    fillLegend(part('viewer-legend'), settings.overlay, data);
  };

  const addPanels = () => {
    const source = panels.photo(shown);
    buttons = choicesOf().flatMap((choice) => {
      const { box, canvas } = picture(shown, source);
      box.querySelector('img')?.setAttribute('alt', '');
      if (choice.overlay !== 'photo' && !paint(canvas, panel, choice.overlay, choice.map)) return [];
      const button = element('button', { 'type': 'button', 'className': 'panel', 'aria-pressed': 'false' }, box, element('span', { text: choice.name }));
      button.addEventListener('click', () => { onOverlay(choice.overlay, choice.map); });
      return [{ choice, button }];
    });
    part('panels').replaceChildren(...buttons.map(({ button }) => button));
  };

  const facts = () => {
    const { scores, notes = [] } = shown;
    const known = scores.map((score, i) => ({ score, name: data.predictions[i], i })).filter(({ score }) => score !== null);
    const lines = [];
    for (const { name, i } of known) {
      lines.push([known.length > 1 ? `mean IoU, ${name}` : 'mean IoU', `${percentText(meanOf(shown, i, settings.way))} %`]);
      if (i > 0) lines.push([`${data.predictions[0]} minus ${name}`, `${pointsText(differenceOf(shown, i, settings.way))} points`]);
    }
    if (known.length > 0 && known[0].score.coverage !== null && known[0].score.coverage < 1) lines.push(['coverage', `${percentText(known[0].score.coverage)} %`]);
    const list = element('dl', {}, ...lines.map(([term, value]) => element('div', {}, element('dt', { text: term }), element('dd', { text: value }))));
    const labels = [...new Set([...known.flatMap(({ score }) => score.iou.map(([label]) => label)), ...shown.labels])].sort((a, b) => a - b);
    const head = element('tr', {}, element('th', { scope: 'col', text: 'class' }), ...known.map(({ name }) => element('th', { scope: 'col', className: 'num', text: known.length > 1 ? name : 'IoU %' })));
    const rows = labels.map((label) => element('tr', {}, element('th', { scope: 'row' }, chip(data, label)), ...known.map(({ score }) => (
      element('td', { className: 'num', text: percentText(score.iou.find(([one]) => one === label)?.[1] ?? null) })
    ))));
    const table = element('table', {}, element('caption', { text: known.length > 0 ? 'IoU by class' : 'Classes' }), element('thead', {}, head), element('tbody', {}, ...rows));
    const remarks = notes.map((note) => element('p', { className: 'note', text: note }));
    part('facts').replaceChildren(list, table, ...remarks);
  };

  const show = async (image, place, count) => {
    shown = image;
    panel = null;
    part('viewer-title').textContent = image.id;
    part('viewer-place').textContent = `${place + 1} of ${count}`;
    part('viewer-previous').disabled = place === 0;
    part('viewer-next').disabled = place === count - 1;
    part('probe').textContent = '';
    stage = picture(image, panels.photo(image));
    part('stage').replaceChildren(...stage.box.childNodes);
    part('stage').style.setProperty('--ratio', `${image.w} / ${image.h}`);
    part('stage').style.setProperty('--proportion', String(image.w / image.h));
    facts();
    if (!dialog.open) dialog.showModal();
    try {
      const loaded = await panels.load(image);
      if (shown !== image) return;
      panel = loaded;
      addPanels();
      refresh();
    } catch {
      if (shown === image) part('probe').textContent = 'The labels of this image cannot be loaded.';
    }
  };

  part('stage').addEventListener('pointermove', (event) => {
    if (panel === null) return;
    const box = part('stage').getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    if (x < 0 || y < 0 || x >= 1 || y >= 1) return;
    const at = Math.floor(y * panel.height) * panel.width + Math.floor(x * panel.width);
    const name = (label) => (label === 255 ? 'ignored' : data.classes[label]);
    const texts = panel.planes.flatMap((plane, i) => (plane === null ? [] : [`${i === 0 ? 'Truth' : data.predictions[i - 1]}: ${i === 0 && plane[at] === 255 ? 'void' : name(plane[at])}`]));
    const cell = Math.floor(y * panel.mapHeight) * panel.mapWidth + Math.floor(x * panel.mapWidth);
    for (const { label, layer, values } of panel.maps) if (layer === '') texts.push(`map of ${data.classes[label]}: ${(values[cell] / 255).toFixed(2)}`);
    part('probe').textContent = texts.join(' · ');
  });
  part('stage').addEventListener('pointerleave', () => { part('probe').textContent = ''; });
  part('viewer-previous').addEventListener('click', () => { onMove(-1); });
  part('viewer-next').addEventListener('click', () => { onMove(1); });
  part('viewer-close').addEventListener('click', () => { dialog.close(); });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('close', () => {
    const last = shown;
    shown = panel = stage = null;
    onClose(last);
  });

  return {
    show, refresh,
    get open() { return dialog.open; },
    get image() { return shown; },
    /** The next map of the image, behind the one that is shown; of another overlay, the first. */
    nextMap() {
      const maps = buttons.filter(({ choice }) => choice.overlay === 'map');
      if (maps.length === 0) return null;
      const at = settings.overlay === 'map' ? maps.findIndex(({ choice }) => isChosen(choice)) : -1;
      return maps[(at + 1) % maps.length].choice.map;
    },
  };
}
