// Shows a crop of a sample picture, enlarged, with a coordinate grid and its outlines: the tool the outlines were drawn with.
//   node scripts/sample/overlay.mjs <id> <out.png> [x0,y0,x1,y1] [--no-grid]
import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

/** The long side of the view in pixels. */
const VIEW = 1400;
const colours = { background: '#0ff', ignore: '#fff' };

const noGrid = process.argv.includes('--no-grid');
const [id, out, area] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
if (out === undefined) {
  console.error('usage: node scripts/sample/overlay.mjs <id> <out.png> [x0,y0,x1,y1] [--no-grid]');
  process.exit(1);
}
const file = (path) => fileURLToPath(new URL(`../../data/sample/${path}`, import.meta.url));
const picture = sharp(file(`JPEGImages/${id}.jpg`));
const { width, height } = await picture.metadata();
const [x0, y0, x1, y1] = area === undefined ? [0, 0, width, height] : area.split(',').map(Number);
const scale = VIEW / Math.max(x1 - x0, y1 - y0);
const at = (x, y) => `${((x - x0) * scale).toFixed(1)},${((y - y0) * scale).toFixed(1)}`;

const marks = [];
const step = x1 - x0 > 260 || y1 - y0 > 260 ? 20 : 10;
for (let x = Math.ceil(x0 / step) * step; x < x1 && !noGrid; x += step) {
  const px = (x - x0) * scale;
  marks.push(`<path d="M${px} 0V${VIEW}" stroke="${x % 50 === 0 ? '#ff0' : '#000'}" stroke-opacity=".45"/>`);
  for (const py of [12, (y1 - y0) * scale / 2, (y1 - y0) * scale - 4]) marks.push(`<text x="${px + 2}" y="${py}">${x}</text>`);
}
for (let y = Math.ceil(y0 / step) * step; y < y1 && !noGrid; y += step) {
  const py = (y - y0) * scale;
  marks.push(`<path d="M0 ${py}H${VIEW}" stroke="${y % 50 === 0 ? '#ff0' : '#000'}" stroke-opacity=".45"/>`);
  for (const px of [2, (x1 - x0) * scale / 2, (x1 - x0) * scale - 28]) marks.push(`<text x="${px}" y="${py - 2}">${y}</text>`);
}
const outlines = await readFile(file(`polygons/${id}.json`), 'utf8').then(JSON.parse, () => ({ shapes: [] }));
outlines.shapes.forEach(({ class: name, rings }, i) => {
  const colour = colours[name] ?? `hsl(${i * 77 % 360},100%,55%)`;
  for (const ring of rings) {
    marks.push(`<polygon points="${ring.map(([x, y]) => at(x, y)).join(' ')}" fill="none" stroke="${colour}" stroke-width="1.6"/>`);
  }
});
const view = { width: Math.round((x1 - x0) * scale), height: Math.round((y1 - y0) * scale) };
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${view.width}" height="${view.height}" font-size="11" font-family="sans-serif" fill="#f0f">${marks.join('')}</svg>`;
await picture
  .extract({ left: x0, top: y0, width: x1 - x0, height: y1 - y0 })
  .resize({ ...view, fit: 'fill', kernel: 'cubic' })
  .composite([{ input: Buffer.from(svg) }])
  .png()
  .toFile(out);
