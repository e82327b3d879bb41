// Overlays on photographs, painted on a canvas.
import type { PageData, Rgb } from '../run/page-data.js';
import { paintBoxes } from './boxes.js';
import { ERROR_KINDS, errorKind } from './errors.js';
import type { MapName, Panel } from './planes.js';

/** The colour of ignored pixels in label maps: label 255 of VOC's palette. */
const VOID_COLOUR: Rgb = [224, 224, 192];

const CLEAR = [0, 0, 0, 0] as const;

/**
 * Paints an overlay at the panel's own size. The page scales it.
 *
 * @param overlay `map`, `truth`, `labels:0`, `errors:0`, `boxes:0`, ...
 * @param map the class and layer of the map; null for the strongest of all classes
 * @returns false, with nothing painted, if the image has no such overlay
 */
export type Paint = (canvas: HTMLCanvasElement, panel: Panel, overlay: string, map?: MapName | null) => boolean;

/** The colours of 256 values as one 32-bit number each, for little-endian RGBA. */
function colourTable(colourOf: (value: number) => readonly [number, number, number, number]): Uint32Array {
  const bytes = new Uint8ClampedArray(256 * 4);
  for (let value = 0; value < 256; value++) bytes.set(colourOf(value), 4 * value);
  return new Uint32Array(bytes.buffer);
}

/** Resizes the canvas to [height, width] and paints each pixel in the colour that `colourAt` returns for its index and position. */
function fill(canvas: HTMLCanvasElement, width: number, height: number, colourAt: (i: number, x: number, y: number) => number): void {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) pixels[i] = colourAt(i, x, y);
  }
  canvas.getContext('2d')!.putImageData(image, 0, 0);
}

export function makePainter({ palette, heat, classes }: Pick<PageData, 'palette' | 'heat' | 'classes'>): Paint {
  const labelColours = colourTable((label) => {
    if (label === 0 || (label >= palette.length && label < 255)) return CLEAR;
    return [...(label === 255 ? VOID_COLOUR : palette[label]), 255];
  });
  const heatColours = colourTable((value) => [...heat[value], 255]);
  const errorColours = colourTable((kind) => (kind < ERROR_KINDS.length ? [...ERROR_KINDS[kind].colour, 255] : CLEAR));

  return (canvas, panel, overlay, map = null) => {
    const { width, height, mapWidth, mapHeight, maps, planes } = panel;
    const [kind, index] = overlay.split(':');
    const truth = planes[0];
    const plane = kind === 'truth' ? truth : planes[1 + Number(index)];
    canvas.classList.toggle('smooth', kind === 'map' || kind === 'boxes');
    if (kind === 'boxes') {
      paintBoxes(canvas, panel, Number(index), classes);
    } else if (kind === 'map') {
      const chosen = maps.filter(({ label, layer }) => (map === null ? layer === '' : label === map.label && layer === map.layer));
      if (chosen.length === 0) return false;
      fill(canvas, mapWidth, mapHeight, (i) => heatColours[chosen.reduce((best, { values }) => Math.max(best, values[i]), 0)]);
    } else if (kind === 'errors') {
      if (!truth || !plane) return false;
      fill(canvas, width, height, (i, x, y) => {
        const error = errorKind(truth[i], plane[i]);
        return error >= 0 && ERROR_KINDS[error].on(x, y) ? errorColours[error] : 0;
      });
    } else {
      if (!plane) return false;
      fill(canvas, width, height, (i) => labelColours[plane[i]]);
    }
    return true;
  };
}
