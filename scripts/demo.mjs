// The main job on the sample: seeds, their score, and pictures to look at. Run by `npm run demo`.
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDevkit, readSplit } from '../dist/index.js';
import { panel } from './panel.mjs';

const repository = fileURLToPath(new URL('..', import.meta.url));
const out = join(repository, 'out/demo');
const command = (...words) => {
  console.log(`\n$ voc-seeds ${words.join(' ')}`);
  execFileSync(process.execPath, [join(repository, 'bin/voc-seeds.js'), ...words], { cwd: repository, stdio: 'inherit' });
};

// Seeds of an older version or of other settings may lie there.
command('generate', '--voc-root', 'data/sample', '--split', 'sample', '--labels', 'xml', '--out', 'out/demo', '--no-resume', '--save-cams', '--save-unrefined');
command('eval', '--voc-root', 'data/sample', '--split', 'sample', '--pred', 'out/demo/SegmentationClass');
command('report', '--run', 'out/demo', '--out', 'out/demo/report.html');

const { items } = await readSplit(await openDevkit(join(repository, 'data/sample')), 'sample');
await mkdir(join(out, 'panels'), { recursive: true });
for (const item of items) await writeFile(join(out, 'panels', `${item.id}.png`), await panel(item, out));
console.log('\nphoto, heat map, seeds and ground truth side by side: out/demo/panels; everything in one page: out/demo/report.html');
