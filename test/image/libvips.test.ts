import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { repository } from '../helpers.js';

it('libvips\'s cache is turned off by the first photograph, not by the import', async () => {
  const { openPhoto } = await import('../../src/index.js');
  // sharp's documentation: 50 MB unless it is told otherwise.
  expect(sharp.cache().memory.max).toBe(50);
  await openPhoto(join(repository, 'data/sample/JPEGImages/cat_on_floor.jpg'));
  expect(sharp.cache().memory.max).toBe(0);
});
