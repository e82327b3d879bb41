// The large view of one image.
import type { PageData, PageImage } from '../run/page-data.js';
import type { Picture } from './card.js';
import { chip, fillLegend, percentText, picture, pointsText } from './card.js';
import { byId, element } from './elements.js';
import type { Paint } from './paint.js';
import type { MapName, Panel, PanelSource } from './planes.js';
import { differenceOf, meanOf } from './query.js';
import type { ViewSettings } from './settings.js';

/** Options of {@link makeViewer}. */
export interface ViewerOptions {
  readonly data: PageData;
  readonly panels: PanelSource;
  readonly paint: Paint;
  readonly settings: Readonly<ViewSettings>;
  /** Called for the next image (1) and the previous one (-1). */
  readonly onMove: (by: number) => void;
  readonly onOverlay: (overlay: string, map: MapName | null) => void;
  /** Called with the image that was shown last. */
  readonly onClose: (image: PageImage) => void;
}

export interface Viewer {
  readonly open: boolean;
  /** The image that is shown; null while the view is closed. */
  readonly image: PageImage | null;
  /** Shows an image, which is at index `place` of `count`. */
  show(image: PageImage, place: number, count: number): Promise<void>;
  /** Paints again with the current settings. */
  refresh(): void;
  /** The map after the shown one, or the first one. */
  nextMap(): MapName | null;
}

/** An overlay of an image. */
interface Choice {
  readonly overlay: string;
  readonly map: MapName | null;
  readonly name: string;
}

const sameMap = (a: MapName | null, b: MapName | null): boolean => (a === null || b === null ? a === b : a.label === b.label && a.layer === b.layer);

/** Connects the dialog of the large view. */
export function makeViewer({ data, panels, paint, settings, onMove, onOverlay, onClose }: ViewerOptions): Viewer {
  const dialog = byId('viewer', HTMLDialogElement);
  const [frame, probe] = [byId('stage'), byId('probe')];
  let shown: PageImage | null = null;
  let panel: Panel | null = null;
  let stage: Picture | null = null;
  let buttons: { readonly choice: Choice; readonly button: HTMLButtonElement }[] = [];

  /** The overlays of an image, with a separate one for each map. */
  const choicesOf = ({ maps }: Panel): Choice[] => data.overlays.flatMap(({ value, name }) => {
    if (value !== 'map') return [{ overlay: value, map: null, name }];
    const fused = maps.filter(({ layer }) => layer === '').length;
    return [
      ...(fused > 1 ? [{ overlay: 'map', map: null, name: 'Maps, strongest' }] : []),
      ...maps.map(({ label, layer }) => ({ overlay: 'map', map: { label, layer }, name: `Map: ${data.classes[label]}${layer === '' ? '' : `, ${layer}`}` })),
    ];
  });

  /** Whether a choice is the shown one. If there is a single map, it is also the strongest one. */
  const isChosen = ({ overlay, map }: Choice): boolean => overlay === settings.overlay
    && (overlay !== 'map' || sameMap(map, settings.map) || !buttons.some(({ choice }) => choice.overlay === 'map' && sameMap(choice.map, settings.map)));

  const refresh = (): void => {
    if (panel === null || stage === null) return;
    const chosen = buttons.find(({ choice }) => isChosen(choice));
    for (const { button } of buttons) button.setAttribute('aria-pressed', String(button === chosen?.button));
    stage.canvas.hidden = chosen === undefined || settings.overlay === 'photo' || !paint(stage.canvas, panel, settings.overlay, chosen.choice.map);
    fillLegend(byId('viewer-legend'), settings.overlay, data);
  };

  const addPanels = (image: PageImage, loaded: Panel): void => {
    const source = panels.photo(image);
    buttons = choicesOf(loaded).flatMap((choice) => {
      const { box, canvas } = picture(image, source);
      box.querySelector('img')?.setAttribute('alt', '');
      if (choice.overlay !== 'photo' && !paint(canvas, loaded, choice.overlay, choice.map)) return [];
      const button = element('button', { 'type': 'button', 'className': 'panel', 'aria-pressed': 'false' }, box, element('span', { text: choice.name }));
      button.addEventListener('click', () => { onOverlay(choice.overlay, choice.map); });
      return [{ choice, button }];
    });
    byId('panels').replaceChildren(...buttons.map(({ button }) => button));
  };

  const showFacts = (image: PageImage): void => {
    const known = image.scores.flatMap((score, i) => (score === null ? [] : [{ score, name: data.predictions[i], i }]));
    const lines: [term: string, value: string][] = [];
    for (const { name, i } of known) {
      lines.push([known.length > 1 ? `mean IoU, ${name}` : 'mean IoU', `${percentText(meanOf(image, i, settings.way))} %`]);
      if (i > 0) lines.push([`${data.predictions[0]} minus ${name}`, `${pointsText(differenceOf(image, i, settings.way))} points`]);
    }
    const coverage = known[0]?.score.coverage ?? 1;
    if (coverage < 1) lines.push(['coverage', `${percentText(coverage)} %`]);
    const list = element('dl', {}, ...lines.map(([term, value]) => element('div', {}, element('dt', { text: term }), element('dd', { text: value }))));
    const labels = [...new Set([...known.flatMap(({ score }) => score.iou.map(([label]) => label)), ...image.labels])].sort((a, b) => a - b);
    const head = element('tr', {}, element('th', { scope: 'col', text: 'class' }), ...known.map(({ name }) => element('th', { scope: 'col', className: 'num', text: known.length > 1 ? name : 'IoU %' })));
    const rows = labels.map((label) => element('tr', {}, element('th', { scope: 'row' }, chip(data, label)), ...known.map(({ score }) => (
      element('td', { className: 'num', text: percentText(score.iou.find(([one]) => one === label)?.[1] ?? null) })
    ))));
    const table = element('table', {}, element('caption', { text: known.length > 0 ? 'IoU by class' : 'Classes' }), element('thead', {}, head), element('tbody', {}, ...rows));
    const remarks = (image.notes ?? []).map((note) => element('p', { className: 'note', text: note }));
    byId('facts').replaceChildren(list, table, ...remarks);
  };

  const show = async (image: PageImage, place: number, count: number): Promise<void> => {
    shown = image;
    panel = null;
    byId('viewer-title').textContent = image.id;
    byId('viewer-place').textContent = `${place + 1} of ${count}`;
    byId('viewer-previous', HTMLButtonElement).disabled = place === 0;
    byId('viewer-next', HTMLButtonElement).disabled = place === count - 1;
    probe.textContent = '';
    stage = picture(image, panels.photo(image));
    frame.replaceChildren(...stage.box.childNodes);
    frame.style.setProperty('--ratio', `${image.w} / ${image.h}`);
    frame.style.setProperty('--proportion', String(image.w / image.h));
    showFacts(image);
    if (!dialog.open) dialog.showModal();
    try {
      const loaded = await panels.load(image);
      if (shown !== image) return;
      panel = loaded;
      addPanels(image, loaded);
      refresh();
    } catch {
      if (shown === image) probe.textContent = 'The labels of this image cannot be loaded.';
    }
  };

  /** Describes the labels and maps at a position of the image; x and y in [0, 1). */
  const textAt = ({ width, height, mapWidth, mapHeight, planes, maps }: Panel, x: number, y: number): string => {
    const pixel = Math.floor(y * height) * width + Math.floor(x * width);
    const cell = Math.floor(y * mapHeight) * mapWidth + Math.floor(x * mapWidth);
    const labels = planes.flatMap((plane, i) => {
      if (plane === null) return [];
      const label = plane[pixel];
      return [`${i === 0 ? 'Truth' : data.predictions[i - 1]}: ${label < 255 ? data.classes[label] : i === 0 ? 'void' : 'ignored'}`];
    });
    const fused = maps.filter(({ layer }) => layer === '').map(({ label, values }) => `map of ${data.classes[label]}: ${(values[cell] / 255).toFixed(2)}`);
    return [...labels, ...fused].join(' · ');
  };

  frame.addEventListener('pointermove', ({ clientX, clientY }) => {
    if (panel === null) return;
    const box = frame.getBoundingClientRect();
    const [x, y] = [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
    if (x >= 0 && y >= 0 && x < 1 && y < 1) probe.textContent = textAt(panel, x, y);
  });
  frame.addEventListener('pointerleave', () => { probe.textContent = ''; });
  byId('viewer-previous').addEventListener('click', () => { onMove(-1); });
  byId('viewer-next').addEventListener('click', () => { onMove(1); });
  byId('viewer-close').addEventListener('click', () => { dialog.close(); });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('close', () => {
    const last = shown;
    shown = panel = stage = null;
    if (last !== null) onClose(last);
  });

  return {
    show, refresh,
    get open() { return dialog.open; },
    get image() { return shown; },
    nextMap() {
      const maps = buttons.filter(({ choice }) => choice.overlay === 'map');
      if (maps.length === 0) return null;
      const at = settings.overlay === 'map' ? maps.findIndex(({ choice }) => isChosen(choice)) : -1;
      return maps[(at + 1) % maps.length].choice.map;
    },
  };
}
