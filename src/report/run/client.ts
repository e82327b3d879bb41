import { readFile } from 'node:fs/promises';

/** The modules of the page's script, each behind those that it imports. */
const MODULES = ['query', 'errors', 'planes', 'paint', 'card', 'viewer', 'app'] as const;

// Both src/report/run and dist/report/run are three folders below the package.
const ASSETS = new URL('../../../data/report/', import.meta.url);

/** The script and the style of the report's page. */
export interface ClientAssets {
  readonly script: string;
  readonly style: string;
}

/**
 * Reads the page's script and style. A page opened from disk may not load modules, so the modules become one plain script:
 * their imports of each other go, and what they export becomes a name within one function.
 */
export async function readClientAssets(): Promise<ClientAssets> {
  const modules = await Promise.all(MODULES.map((name) => readFile(new URL(`${name}.js`, ASSETS), 'utf8')));
  return { script: joinModules(modules), style: await readFile(new URL('style.css', ASSETS), 'utf8') };
}

/**
 * Joins ES modules that import nothing but each other, and by name, to one script.
 *
 * @param modules their texts, each behind those that it imports; names must differ over all of them
 */
export function joinModules(modules: readonly string[]): string {
  const bodies = modules.map((text) => text.replace(/^import \{[^}]*\} from '\.\/[\w-]+\.js';\n/gm, '').replace(/^export (?=(?:async )?(?:function|const|class) )/gm, ''));
  // Names alone could not end a script element, but a text in the script could.
  return `(() => {\n'use strict';\n${bodies.join('\n').replace(/<\/(?=script)/gi, '<\\/')}\n})();\n`;
}
