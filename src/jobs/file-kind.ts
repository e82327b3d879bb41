/** What a file is by its first bytes, for messages: `a BMP`. */
const kinds: readonly (readonly [kind: string, begins: RegExp])[] = [
  ['a JPEG', /^\xff\xd8\xff/], ['a PNG', /^\x89PNG\r\n/], ['a GIF', /^GIF8/], ['a BMP', /^BM[^]{4}\0\0\0\0/], ['a WebP', /^RIFF[^]{4}WEBP/],
  ['a TIFF', /^(?:II[*+]\0|MM\0[*+])/], ['a HEIC', /^[^]{4}ftyp(?:heic|heix|hevc|heim|heis|mif1|msf1)/], ['an AVIF', /^[^]{4}ftypavi[fs]/],
  ['a JPEG 2000', /^(?:\0\0\0\x0cjP {2}|\xff\x4f\xff\x51)/], ['a JPEG XL', /^(?:\xff\x0a|\0\0\0\x0cJXL )/], ['a Photoshop file', /^8BPS/],
  ['a numpy array (.npy)', /^\x93NUMPY/], ['a MATLAB file', /^MATLAB /], ['a zip archive', /^PK\x03\x04/], ['a gzip archive', /^\x1f\x8b/], ['a PDF', /^%PDF/],
  ['a Git LFS pointer, not the file itself (git lfs pull gets it)', /^version https:\/\/git-lfs/], ['a web page', /^\s*<(?:!doctype html|html)/i],
];

/** What a file is by its first bytes (`a BMP`, `a web page`), or `undefined` for what is not known; for messages. */
export function fileKind(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(64, bytes.byteLength)).toString('latin1');
  return kinds.find(([, begins]) => begins.test(head))?.[0];
}
