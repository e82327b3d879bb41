import type { Sharp, SharpOptions } from 'sharp';
import sharp from 'sharp';

let caching = true;

/**
 * A picture for libvips, from the bytes of its file. The first call turns libvips's cache off: each picture is read once, and
 * a cache would only grow. This does not happen on import, because the cache is the whole process's, and a program that uses
 * this library may have pictures of its own.
 */
export function openImage(bytes: Uint8Array, options: SharpOptions): Sharp {
  if (caching) {
    sharp.cache(false);
    caching = false;
  }
  return sharp(bytes, options);
}
