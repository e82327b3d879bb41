import { readFile } from 'node:fs/promises';
import { reportClientPath } from '../../package.js';

/** The script and the style sheet of the report page. */
export interface ClientAssets {
  readonly script: string;
  readonly style: string;
}

/** Reads the page's script and style, which the build makes from src/report/client/. */
export async function readClientAssets(): Promise<ClientAssets> {
  const [script, style] = await Promise.all((['viewer.js', 'style.css'] as const).map((name) => readFile(reportClientPath(name), 'utf8')));
  return { script, style };
}
