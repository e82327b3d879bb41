// The report's page: gallery, controls, keys.
import { fillLegend, makeCard } from './card.js';
import { makePainter } from './paint.js';
import { openPanels } from './planes.js';
import { selectImages } from './query.js';
import { makeViewer } from './viewer.js';

/** Images on a page of the gallery. */
const PAGE = 24;
const THEMES = ['system', 'light', 'dark'];

const byId = (id) => document.getElementById(id);
const jsonOf = (id) => JSON.parse(byId(id)?.textContent ?? 'null');

function start() {
  const data = jsonOf('report-data');
  const panels = openPanels(data.folder, jsonOf('report-panels'));
  const paint = makePainter(data);
  const settings = { overlay: document.querySelector('input[name=overlay]:checked').value, map: null, way: data.ways[0][0], opacity: 70 };
  let list = [];
  let page = 0;
  let cards = [];

  /** Paints a card's overlay, if it is still there when its labels have come. */
  const paintCard = async (card) => {
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
  /** Where one class is looked for, its map; else the strongest of all. */
  const mapOf = (panel) => {
    const label = Number(byId('class').value);
    return panel.maps.some((map) => map.label === label && map.layer === '') ? { label, layer: '' } : null;
  };

  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      const card = cards.find(({ element }) => element === target);
      if (card === undefined) continue;
      card.visible = isIntersecting;
      if (isIntersecting) void paintCard(card);
    }
  }, { rootMargin: '400px' });

  const pageCount = () => Math.max(1, Math.ceil(list.length / PAGE));

  const showPage = (wanted) => {
    page = Math.min(Math.max(wanted, 0), pageCount() - 1);
    observer.disconnect();
    const [sort, compared] = byId('sort').value.split(':');
    cards = list.slice(page * PAGE, (page + 1) * PAGE).map((image, i) => {
      const made = makeCard({
        image, data, source: panels.photo(image), way: settings.way, compared: sort === 'less' || sort === 'more' ? Number(compared) : 0,
        open: () => { openViewer(page * PAGE + i); },
      });
      return { image, element: made.card, button: made.button, canvas: made.canvas, visible: false };
    });
    byId('grid').replaceChildren(...cards.map(({ element }) => element));
    for (const { element } of cards) observer.observe(element);
    byId('empty').hidden = list.length > 0;
    byId('page').value = String(page + 1);
    byId('page').max = String(pageCount());
    byId('pages').textContent = String(pageCount());
    byId('previous').disabled = page === 0;
    byId('next').disabled = page === pageCount() - 1;
  };

  const search = () => {
    list = selectImages(data.images, { sort: byId('sort').value, label: Number(byId('class').value), text: byId('search').value, way: settings.way });
    const count = (number) => number.toLocaleString('en-US');
    byId('count').textContent = list.length === data.images.length ? `${count(list.length)} images` : `${count(list.length)} of ${count(data.images.length)} images`;
    showPage(0);
  };

  const repaint = () => {
    for (const card of cards) if (card.visible) void paintCard(card);
    viewer.refresh();
  };

  const setOverlay = (overlay, map = null) => {
    settings.overlay = overlay;
    settings.map = map;
    const radio = document.querySelector(`input[name=overlay][value="${overlay}"]`);
    if (radio !== null) {
      radio.checked = true;
      // Where there is no room for all of them, the chosen one is to be seen.
      const { parentElement: label } = radio;
      label.parentElement.scrollLeft = label.offsetLeft - (label.parentElement.clientWidth - label.offsetWidth) / 2;
    }
    fillLegend(byId('legend'), overlay, data);
    repaint();
  };

  const setOpacity = (value) => {
    settings.opacity = Math.min(Math.max(value, 0), 100);
    document.documentElement.style.setProperty('--overlay', String(settings.opacity / 100));
    for (const id of ['opacity', 'viewer-opacity']) byId(id).value = String(settings.opacity);
    byId('opacity-value').textContent = `${settings.opacity} %`;
  };

  const openViewer = (at) => { void viewer.show(list[at], at, list.length); };
  const viewer = makeViewer({
    data, panels, paint, settings,
    onMove: (by) => {
      const at = list.indexOf(viewer.image) + by;
      if (at >= 0 && at < list.length) openViewer(at);
    },
    onOverlay: setOverlay,
    onClose: (image) => {
      const at = list.indexOf(image);
      if (at < 0) return;
      if (Math.floor(at / PAGE) !== page) showPage(Math.floor(at / PAGE));
      cards[at % PAGE].button.focus();
    },
  });

  /** Moves the focus by so many cards, also to the next page. */
  const moveFocus = (by) => {
    const at = cards.findIndex(({ button }) => button === document.activeElement);
    const target = page * PAGE + (at < 0 ? (by > 0 ? 0 : cards.length - 1) : at + by);
    if (target < 0 || target >= list.length) return;
    if (Math.floor(target / PAGE) !== page) showPage(Math.floor(target / PAGE));
    const { button } = cards[target % PAGE];
    button.focus({ preventScroll: true });
    button.scrollIntoView({ block: 'nearest' });
  };
  const columns = () => Math.max(1, cards.filter(({ element }) => element.offsetTop === cards[0].element.offsetTop).length);

  const toggleTheme = (theme) => {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    byId('theme').textContent = `Theme: ${theme}`;
    // A page opened from disk may not be allowed to remember anything.
    try { localStorage.setItem('voc-seeds-theme', theme); } catch { /* not remembered */ }
  };

  /** What a key does; true if it did something. */
  const press = (key, target) => {
    const onCard = cards.some(({ button }) => button === target);
    const inViewer = viewer.open;
    const free = target === document.body || target === document.documentElement;
    const overlay = data.overlays.find((choice) => choice.key === key);
    const step = { ArrowLeft: -1, k: -1, ArrowRight: 1, j: 1 }[key];
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
      byId('search').focus();
      return true;
    }
    if (key === '?') {
      byId('help').showModal();
      return true;
    }
    return false;
  };

  document.addEventListener('keydown', (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || byId('help').open) return;
    const writing = target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && ['search', 'number'].includes(target.type));
    if (!writing && press(key, target)) event.preventDefault();
    // The search field keeps Esc to empty itself; when it is empty, Esc leaves it.
    if (key === 'Escape' && target === byId('search') && target.value === '') target.blur();
  });

  for (const radio of document.querySelectorAll('input[name=overlay]')) radio.addEventListener('change', () => { setOverlay(radio.value); });
  for (const id of ['opacity', 'viewer-opacity']) byId(id).addEventListener('input', (event) => { setOpacity(Number(event.target.value)); });
  for (const id of ['sort', 'class']) byId(id).addEventListener('change', search);
  byId('search').addEventListener('input', search);
  for (const [id, by] of [['previous', -1], ['next', 1]]) {
    byId(id).addEventListener('click', () => {
      showPage(page + by);
      byId('gallery').scrollIntoView();
    });
  }
  byId('page').addEventListener('change', (event) => { showPage(Math.round(Number(event.target.value)) - 1); });
  byId('help-open').addEventListener('click', () => { byId('help').showModal(); });
  byId('help-close').addEventListener('click', () => { byId('help').close(); });
  byId('theme').addEventListener('click', () => {
    toggleTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme ?? 'system') + 1) % THEMES.length]);
  });
  byId('way')?.addEventListener('change', (event) => {
    settings.way = event.target.value;
    for (const part of document.querySelectorAll('[data-way]')) part.hidden = part.dataset.way !== settings.way;
    search();
  });

  try {
    const theme = localStorage.getItem('voc-seeds-theme');
    if (THEMES.includes(theme)) toggleTheme(theme);
  } catch { /* nothing is remembered */ }
  setOpacity(settings.opacity);
  search();
  setOverlay(settings.overlay);
}

start();
