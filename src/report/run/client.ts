import { readFile } from 'node:fs/promises';

/** The modules of the page's script, each after those that it imports. */
const MODULES = ['query', 'errors', 'planes', 'paint', 'card', 'viewer', 'app'] as const;

// The same relative path works from src/report/run and from dist/report/run.
const ASSETS = new URL('../../../data/report/', import.meta.url);

/** The script and the style sheet of the report page. */
export interface ClientAssets {
  readonly script: string;
  readonly style: string;
}

/**
 * Reads the page's script and style sheet. A page opened from disk cannot load modules, so the modules are joined into one
 * plain script: imports are removed, and exports become local names of one function.
 */
export async function readClientAssets(): Promise<ClientAssets> {
  const modules = await Promise.all(MODULES.map((name) => readFile(new URL(`${name}.js`, ASSETS), 'utf8')));
  return { script: joinModules(modules), style: await readFile(new URL('style.css', ASSETS), 'utf8') };
}

/**
 * Joins ES modules into one script. They may only import each other, and only by name.
 *
 * @param modules their texts, each after those that it imports; no two modules may use the same top-level name
 */
export function joinModules(modules: readonly string[]): string {
  const bodies = modules.map((text) => text.replace(/^import \{[^}]*\} from '\.\/[\w-]+\.js';\n/gm, '').replace(/^export (?=(?:async )?(?:function|const|class) )/gm, ''));
  // A string in the script must not end the script element.
  return `(() => {\n'use strict';\n${bodies.join('\n').replace(/<\/(?=script)/gi, '<\\/')}\n})();\n`;
}
