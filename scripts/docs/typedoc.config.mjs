// The API reference: every entry point that package.json exports, as Markdown pages in docs/api.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (relative) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const manifest = JSON.parse(readFileSync(path('package.json'), 'utf8'));
const types = Object.values(manifest.exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry.types]));

/** @type {Partial<import('typedoc').TypeDocOptions & import('typedoc-plugin-markdown').PluginOptions>} */
export default {
  plugin: ['typedoc-plugin-markdown'],
  name: 'API reference',
  entryPoints: types.map((file) => path(file.replace('./dist/', 'src/').replace(/\.d\.ts$/, '.ts'))),
  tsconfig: path('tsconfig.build.json'),
  out: path('docs/api'),
  readme: 'none',
  disableSources: true,
  excludePrivate: true,
  // Doc comments name internals as well.
  validation: { notExported: false, invalidLink: false },
  entryFileName: 'index',
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  parametersFormat: 'table',
};
