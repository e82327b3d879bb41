import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The path of a file that make_weights.py wrote. */
export function fixture(file: string): string {
  return fileURLToPath(new URL(`../../fixtures/weights/${file}`, import.meta.url));
}

/** The bytes of such a file. */
export function weightsFixture(file: string): Promise<Buffer> {
  return readFile(fixture(file));
}

/** One run of a narrow network in PyTorch, in float64. */
export interface NetworkRun {
  size: [number, number];
  /** Of the image's noise. */
  seed: number;
  /** By head. */
  logits: { fc: number[]; conv?: number[] };
  /** Feature maps by the name that they have in the graph. */
  layers: Record<string, { shape: number[]; values: number[] }>;
}

/** The content of networks.json. */
export async function networkFixtures(): Promise<Record<string, { file: string; architecture: string; runs: NetworkRun[] }>> {
  return JSON.parse(await readFile(fixture('networks.json'), 'utf8')) as Record<string, { file: string; architecture: string; runs: NetworkRun[] }>;
}
