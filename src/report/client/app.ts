// The report's page: gallery, controls, keys.
import type { InlinePanels, PageData, PageImage } from '../run/page-data.js';
import type { Card } from './card.js';
import { fillLegend, makeCard } from './card.js';
import { byId } from './elements.js';
import { makePainter } from './paint.js';
import type { MapName, Panel } from './planes.js';
import { openPanels } from './planes.js';
import { selectImages } from './query.js';
import type { ViewSettings } from './settings.js';
import { connectTheme } from './theme.js';
import { makeViewer } from './viewer.js';

/** Images on a page of the gallery. */
const PAGE = 24;

/** The opacity sliders of the gallery and of the large view. */
const SLIDERS = ['opacity', 'viewer-opacity'];

function start(data: PageData, inline: InlinePanels): void {
  const panels = openPanels(data.folder, inline);
  const paint = makePainter(data);
  const radios = [...document.querySelectorAll<HTMLInputElement>('input[name=overlay]')];
  const settings: ViewSettings = { overlay: radios.find(({ checked }) => checked)?.value ?? 'photo', map: null, way: data.ways[0][0], opacity: 70 };
  // The filter by result is missing if the images have no kinds of results.
  const kind = document.querySelector<HTMLSelectElement>('#kind');
  const [sort, label, search] = [byId('sort', HTMLSelectElement), byId('class', HTMLSelectElement), byId('search', HTMLInputElement)];
  const [pageField, help] = [byId('page', HTMLInputElement), byId('help', HTMLDialogElement)];
  let list: readonly PageImage[] = [];
  let page = 0;
  let cards: Card[] = [];

  /** If the gallery shows one class, the map of that class, else null for the strongest of all. */
  const mapOf = (panel: Panel): MapName | null => {
    const wanted = Number(label.value);
    return panel.maps.some((map) => map.label === wanted && map.layer === '') ? { label: wanted, layer: '' } : null;
  };

  /** Paints a card's overlay, if the card is still there once its labels are loaded. */
  const paintCard = async (card: Card): Promise<void> => {
    const { image, canvas } = card;
    const { overlay } = settings;
    if (overlay === 'photo') {
      canvas.hidden = true;
      return;
    }
    try {
      const panel = await panels.load(image);
      if (settings.overlay === overlay && cards.includes(card)) canvas.hidden = !paint(canvas, panel, overlay, mapOf(panel));
    } catch {
      canvas.hidden = true;
    }
  };

  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      const card = cards.find(({ element }) => element === target);
      if (card === undefined) continue;
      card.visible = isIntersecting;
      if (isIntersecting) void paintCard(card);
    }
  }, { rootMargin: '400px' });

  const pageCount = (): number => Math.max(1, Math.ceil(list.length / PAGE));

  const showPage = (wanted: number): void => {
    page = Math.min(Math.max(wanted, 0), pageCount() - 1);
    observer.disconnect();
    const [order, compared] = sort.value.split(':');
    cards = list.slice(page * PAGE, (page + 1) * PAGE).map((image, i) => makeCard({
      image, data, source: panels.photo(image), way: settings.way, compared: order === 'less' || order === 'more' ? Number(compared) : 0,
      open: () => { openViewer(page * PAGE + i); },
    }));
    byId('grid').replaceChildren(...cards.map(({ element }) => element));
    for (const { element } of cards) observer.observe(element);
    byId('empty').hidden = list.length > 0;
    pageField.value = String(page + 1);
    pageField.max = String(pageCount());
    byId('pages').textContent = String(pageCount());
    byId('previous', HTMLButtonElement).disabled = page === 0;
    byId('next', HTMLButtonElement).disabled = page === pageCount() - 1;
  };

  const select = (): void => {
    const wanted = kind === null || kind.value === '' ? undefined : Number(kind.value);
    list = selectImages(data.images, { sort: sort.value, label: Number(label.value), kind: wanted, text: search.value, way: settings.way });
    const count = (number: number): string => number.toLocaleString('en-US');
    byId('count').textContent = list.length === data.images.length ? `${count(list.length)} images` : `${count(list.length)} of ${count(data.images.length)} images`;
    showPage(0);
  };

  const setOverlay = (overlay: string, map: MapName | null = null): void => {
    settings.overlay = overlay;
    settings.map = map;
    const radio = radios.find(({ value }) => value === overlay);
    if (radio !== undefined) {
      radio.checked = true;
      // If there is no room for all choices, scroll to this one.
      const choice = radio.parentElement!;
      const bar = choice.parentElement!;
      bar.scrollLeft = choice.offsetLeft - (bar.clientWidth - choice.offsetWidth) / 2;
    }
    fillLegend(byId('legend'), overlay, data);
    for (const card of cards) if (card.visible) void paintCard(card);
    viewer.refresh();
  };

  const setOpacity = (value: number): void => {
    settings.opacity = Math.min(Math.max(value, 0), 100);
    document.documentElement.style.setProperty('--overlay', String(settings.opacity / 100));
    for (const id of SLIDERS) byId(id, HTMLInputElement).value = String(settings.opacity);
    byId('opacity-value').textContent = `${settings.opacity} %`;
  };

  const openViewer = (at: number): void => { void viewer.show(list[at], at, list.length); };
  /** Shows the page with the image at an index of the list, and returns its button. */
  const turnTo = (at: number): HTMLButtonElement => {
    if (Math.floor(at / PAGE) !== page) showPage(Math.floor(at / PAGE));
    return cards[at % PAGE].button;
  };

  const viewer = makeViewer({
    data, panels, paint, settings,
    onMove: (by) => {
      const at = list.findIndex((image) => image === viewer.image) + by;
      if (at >= 0 && at < list.length) openViewer(at);
    },
    onOverlay: setOverlay,
    onClose: (image) => {
      const at = list.indexOf(image);
      if (at >= 0) turnTo(at).focus();
    },
  });

  /** Moves the focus by a number of cards, also to another page. */
  const moveFocus = (by: number): void => {
    const at = cards.findIndex(({ button }) => button === document.activeElement);
    const target = page * PAGE + (at < 0 ? (by > 0 ? 0 : cards.length - 1) : at + by);
    if (target < 0 || target >= list.length) return;
    const button = turnTo(target);
    button.focus({ preventScroll: true });
    button.scrollIntoView({ block: 'nearest' });
  };
  const columns = (): number => Math.max(1, cards.filter(({ element }) => element.offsetTop === cards[0].element.offsetTop).length);

  const steps = new Map([['ArrowLeft', -1], ['k', -1], ['ArrowRight', 1], ['j', 1]]);

  /** Handles a key. Returns whether it did something. */
  const press = (key: string, target: EventTarget | null): boolean => {
    const onCard = cards.some(({ button }) => button === target);
    const inViewer = viewer.open;
    const free = target === document.body || target === document.documentElement;
    const overlay = data.overlays.find((choice) => choice.key === key);
    const step = steps.get(key);
    const arrow = key.startsWith('Arrow');
    const native = target instanceof HTMLInputElement;
    if (step !== undefined && !(arrow && native)) {
      if (inViewer) byId(step < 0 ? 'viewer-previous' : 'viewer-next').click();
      else if (!arrow || onCard || free) moveFocus(step);
      else return false;
      return true;
    }
    if ((key === 'ArrowUp' || key === 'ArrowDown') && onCard && !inViewer) {
      moveFocus(key === 'ArrowUp' ? -columns() : columns());
      return true;
    }
    if (overlay !== undefined) {
      if (overlay.value === 'map' && inViewer) setOverlay('map', viewer.nextMap());
      else setOverlay(settings.overlay === overlay.value ? 'photo' : overlay.value);
      return true;
    }
    if (key === '+' || key === '=' || key === '-') {
      setOpacity(settings.opacity + (key === '-' ? -10 : 10));
      return true;
    }
    if (key === '/' && !inViewer) {
      search.focus();
      return true;
    }
    if (key === '?') {
      help.showModal();
      return true;
    }
    return false;
  };

  document.addEventListener('keydown', (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const writing = target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && ['search', 'number'].includes(target.type));
    if (!writing && press(key, target)) event.preventDefault();
    // Esc empties the search field, and leaves it if it is empty.
    if (key === 'Escape' && target === search && search.value === '') search.blur();
  });

  for (const radio of radios) radio.addEventListener('change', () => { setOverlay(radio.value); });
  for (const id of SLIDERS) {
    const slider = byId(id, HTMLInputElement);
    slider.addEventListener('input', () => { setOpacity(Number(slider.value)); });
  }
  for (const control of [sort, label, kind]) control?.addEventListener('change', select);
  search.addEventListener('input', select);
  for (const [id, by] of [['previous', -1], ['next', 1]] as const) {
    byId(id).addEventListener('click', () => {
      showPage(page + by);
      byId('gallery').scrollIntoView();
    });
  }
  pageField.addEventListener('change', () => { showPage(Math.round(Number(pageField.value)) - 1); });
  byId('help-open').addEventListener('click', () => { help.showModal(); });
  byId('help-close').addEventListener('click', () => { help.close(); });
  // The choice is missing if the run has no ignored pixels.
  const way = document.querySelector<HTMLSelectElement>('#way');
  way?.addEventListener('change', () => {
    settings.way = way.value;
    for (const part of document.querySelectorAll<HTMLElement>('[data-way]')) part.hidden = part.dataset.way !== settings.way;
    select();
  });

  setOpacity(settings.opacity);
  select();
  setOverlay(settings.overlay);
}

const jsonOf = (id: string): unknown => JSON.parse(document.getElementById(id)?.textContent ?? '{}');

connectTheme();
// A page without photographs has no gallery.
if (document.getElementById('gallery') !== null) start(jsonOf('report-data') as PageData, jsonOf('report-panels') as InlinePanels);
