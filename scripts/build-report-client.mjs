// Bundles the script of the report's page, src/report/client/app.ts, to dist/report/client/viewer.js, and copies its style.
import { copyFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

// One plain script without modules, which a page opened from disk may not load. It stands in the page itself: esbuild writes
// no '</script' into it.
await build({
  entryPoints: [path('src/report/client/app.ts')], outfile: path('dist/report/client/viewer.js'), tsconfig: path('tsconfig.client.json'),
  bundle: true, format: 'iife', platform: 'browser', target: 'es2022', charset: 'utf8', logLevel: 'warning',
});
await copyFile(path('src/report/client/style.css'), path('dist/report/client/style.css'));
