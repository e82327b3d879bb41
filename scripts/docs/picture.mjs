// Makes docs/images/sample.webp, the picture of the README, from what `npm run demo` has written to out/demo.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { openDevkit, readSplit } from '../../dist/index.js';
import { panel } from '../panel.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const photos = ['parrot', 'astronaut'];
const [width, height, gap] = [1012, 250, 4];

const { items } = await readSplit(await openDevkit(join(repository, 'data/sample')), 'sample');
const rows = await Promise.all(photos.map(async (id) => {
  const whole = await panel(items.find((item) => item.id === id), join(repository, 'out/demo'));
  return sharp(whole).resize(width, height, { fit: 'fill' }).png().toBuffer();
}));
await sharp({ create: { width, height: rows.length * (height + gap) - gap, channels: 3, background: 'white' } })
  .composite(rows.map((input, i) => ({ input, left: 0, top: i * (height + gap) })))
  .webp({ quality: 85 }).toFile(join(repository, 'docs/images/sample.webp'));
