// Boxes on photographs.
import type { BoxKind } from '../run/page-data.js';
import type { Panel } from './planes.js';

/** How a kind of box is drawn, in colours that colour-blind people can distinguish (Okabe and Ito). */
export const BOX_KINDS: readonly { readonly kind: BoxKind; readonly name: string; readonly colour: string; readonly dashes: readonly number[] }[] = [
  { kind: 'true', name: 'true box', colour: 'rgb(0, 158, 115)', dashes: [] },
  { kind: 'found', name: 'found box of a true class', colour: 'rgb(230, 159, 0)', dashes: [] },
  { kind: 'other', name: 'found box of the most likely class, if it is wrong', colour: 'rgb(204, 95, 155)', dashes: [9, 6] },
];

/** The width of a box's line and of the dark rim around it, in pixels. */
const [LINE, RIM] = [3, 5];

/** Draws the true boxes and those of a prediction. If they are of several classes, each has its name. */
export function paintBoxes(canvas: HTMLCanvasElement, { width, height, boxes }: Panel, prediction: number, classes: readonly string[]): void {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d')!;
  const shown = boxes.filter(({ of }) => of === undefined || of === prediction);
  const named = new Set(shown.map(({ label }) => label)).size > 1;
  for (const { kind, colour, dashes } of BOX_KINDS) {
    for (const { label, edges: [left, top, right, bottom] } of shown.filter((box) => box.kind === kind)) {
      // Whole lines stay within the image, and cover whole pixels.
      const [x, y] = [Math.floor(left) + LINE / 2, Math.floor(top) + LINE / 2];
      const [w, h] = [Math.max(1, Math.ceil(right) - LINE / 2 - x), Math.max(1, Math.ceil(bottom) - LINE / 2 - y)];
      const outline = (style: string, line: number): void => {
        context.strokeStyle = style;
        context.lineWidth = line;
        context.strokeRect(x, y, w, h);
      };
      context.setLineDash([]);
      if (dashes.length === 0) outline('rgb(0 0 0 / 45%)', RIM);
      context.setLineDash([...dashes]);
      outline(colour, LINE);
      if (named) drawName(context, classes[label].split(',')[0], colour, x + LINE, y + LINE);
    }
  }
}

function drawName(context: CanvasRenderingContext2D, name: string, colour: string, x: number, y: number): void {
  context.font = '13px system-ui, sans-serif';
  context.textBaseline = 'top';
  context.fillStyle = colour;
  context.fillRect(x, y, context.measureText(name).width + 6, 17);
  context.fillStyle = 'black';
  context.fillText(name, x + 3, y + 2);
}
