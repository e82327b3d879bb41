import type sharp from 'sharp';
import type { Sharp, SharpOptions } from 'sharp';
import { onDemand } from '../on-demand.js';

/** The library, with libvips, which is native. */
export const loadSharp = onDemand<typeof sharp>('sharp');

let caching = true;

/** Opens a picture in libvips from the bytes of its file. */
export function openImage(bytes: Uint8Array, options: SharpOptions): Sharp {
  stopCaching();
  return loadSharp()(bytes, options);
}

/**
 * Turns off libvips's cache at the first picture: each is read only once, so a cache would only grow. This is not done on import, because
 * the cache belongs to the whole process, and a program that uses this library may have its own pictures.
 */
export function stopCaching(): void {
  if (!caching) return;
  loadSharp().cache(false);
  caching = false;
}
