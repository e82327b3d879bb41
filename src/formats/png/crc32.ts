const table = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder & 1) === 1 ? 0xedb88320 ^ remainder >>> 1 : remainder >>> 1;
  table[byte] = remainder;
}

/**
 * The CRC-32 of PNG and zip (reflected polynomial 0xedb88320), as an unsigned integer.
 * Node.js only has one since 20.15.
 */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]) & 0xff] ^ crc >>> 8;
  return (crc ^ 0xffffffff) >>> 0;
}
