// Overlays: what is laid over a photograph, as pixels of a canvas.
import { ERROR_KINDS, errorKind } from './errors.js';

/** The colour of ignored pixels in label maps: VOC's own, which is label 255 of its palette. */
const VOID_COLOUR = [224, 224, 192];

/** The colours of 256 values as one 32-bit number each, for little-endian RGBA. */
function colourTable(colourOf) {
  const bytes = new Uint8ClampedArray(256 * 4);
  for (let value = 0; value < 256; value++) bytes.set(colourOf(value), 4 * value);
  return new Uint32Array(bytes.buffer);
}

/**
 * Makes the painter of a page.
 *
 * @param palette the colours of the labels 0..20
 * @param heat the colours of 256 values of a map
 */
export function makePainter({ palette, heat }) {
  const labelColours = colourTable((label) => {
    if (label === 0 || (label > 20 && label < 255)) return [0, 0, 0, 0];
    return [...(label === 255 ? VOID_COLOUR : palette[label]), 255];
  });
  const heatColours = colourTable((value) => [...heat[value], 255]);
  const errorColours = colourTable((kind) => (kind < ERROR_KINDS.length ? [...ERROR_KINDS[kind].colour, 255] : [0, 0, 0, 0]));

  const begin = (canvas, width, height) => {
    canvas.width = width;
    canvas.height = height;
    const image = new ImageData(width, height);
    return { image, pixels: new Uint32Array(image.data.buffer), end: () => { canvas.getContext('2d').putImageData(image, 0, 0); } };
  };

  const paintLabels = (canvas, { width, height }, plane) => {
    const { pixels, end } = begin(canvas, width, height);
    for (let i = 0; i < plane.length; i++) pixels[i] = labelColours[plane[i]];
    end();
  };

  const paintErrors = (canvas, { width, height }, truth, plane) => {
    const { pixels, end } = begin(canvas, width, height);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const kind = errorKind(truth[i], plane[i]);
        if (kind >= 0 && ERROR_KINDS[kind].on(x, y)) pixels[i] = errorColours[kind];
      }
    }
    end();
  };

  const paintMap = (canvas, { mapWidth, mapHeight }, maps) => {
    const { pixels, end } = begin(canvas, mapWidth, mapHeight);
    for (let i = 0; i < pixels.length; i++) {
      let best = 0;
      for (const { values } of maps) if (values[i] > best) best = values[i];
      pixels[i] = heatColours[best];
    }
    end();
  };

  /**
   * Paints an overlay at the panel's own size; the page scales it.
   *
   * @param overlay `map`, `truth`, `labels:0`, `errors:0`, ...
   * @param map the class and layer of the map; null: the strongest of all classes
   * @returns false, with nothing painted, where the image has no such thing
   */
  return function paint(canvas, panel, overlay, map = null) {
    const [kind, index] = overlay.split(':');
    const truth = panel.planes[0];
    const plane = kind === 'truth' ? truth : panel.planes[1 + Number(index)];
    canvas.classList.toggle('smooth', kind === 'map');
    if (kind === 'map') {
      const chosen = map === null ? panel.maps.filter(({ layer }) => layer === '') : panel.maps.filter(({ label, layer }) => label === map.label && layer === map.layer);
      if (chosen.length === 0) return false;
      paintMap(canvas, panel, chosen);
    } else if (kind === 'errors') {
      if (!truth || !plane) return false;
      paintErrors(canvas, panel, truth, plane);
    } else {
      if (!plane) return false;
      paintLabels(canvas, panel, plane);
    }
    return true;
  };
}
