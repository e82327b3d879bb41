/** The first bytes of files, as Latin-1. `?` stands for any byte. */
const beginnings: readonly (readonly [begins: string, kind: string])[] = [
  ['\xff\xd8\xff', 'a JPEG'], ['\x89PNG\r\n', 'a PNG'], ['GIF8', 'a GIF'], ['BM????\0\0\0\0', 'a BMP'], ['RIFF????WEBP', 'a WebP'],
  ['II*\0', 'a TIFF'], ['MM\0*', 'a TIFF'], ['????ftyphei', 'a HEIC'], ['????ftyphev', 'a HEIC'], ['????ftypmif1', 'a HEIC'],
  ['????ftypavi', 'an AVIF'], ['\0\0\0\x0cjP  ', 'a JPEG 2000'], ['\xff\x4f\xff\x51', 'a JPEG 2000'], ['\xff\x0a', 'a JPEG XL'], ['\0\0\0\x0cJXL ', 'a JPEG XL'],
  ['8BPS', 'a Photoshop file'], ['\x93NUMPY', 'a numpy array (.npy)'], ['MATLAB ', 'a MATLAB file'], ['PK\x03\x04', 'a zip archive'], ['\x1f\x8b', 'a gzip archive'],
  ['%PDF', 'a PDF'], ['version https://git-lfs', 'a Git LFS pointer (git lfs pull gets the file itself)'], ['<!DOCTYPE html', 'a web page'], ['<html', 'a web page'],
];

/** The kind of a file by its first bytes, for messages (`a BMP`, `a web page`), or `undefined` if it is unknown. */
export function fileKind(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(32, bytes.byteLength)).toString('latin1').toLowerCase();
  return beginnings.find(([begins]) => begins.length <= head.length && [...begins.toLowerCase()].every((char, at) => char === '?' || char === head[at]))?.[1];
}
