// Whether two checkouts of voc-seeds give the same results: for every preset the seeds and maps (.npz) of some photographs, their
// scores and the data of the report's page, byte for byte, and the results of an ablation of ten variants.
//
//   node scripts/compare-checkouts.mjs OLD NEW [--images 60] [--work FOLDER]
//
// OLD and NEW are built checkouts. With --work the folders of the runs stay, and what is complete there is not run again.
// Needs `../shared`. Prints one line for each comparison; exits with 1 if anything differs.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true, options: { images: { type: 'string', default: '60' }, work: { type: 'string' } },
});
if (positionals.length !== 2) throw new Error('name two checkouts: node scripts/compare-checkouts.mjs OLD NEW');
const devkit = resolve(import.meta.dirname ?? '.', '../../shared/voc/VOCdevkit/VOC2012');
const work = values.work ?? mkdtempSync(join(tmpdir(), 'voc-seeds-compare-'));

const presets = ['fast', 'best', 'layercam', 'irn'];
const list = ['--voc-root', devkit, '--split', 'dev_val', '--limit', values.images];
const ablation = [
  '--input-size', 'short:320', '--gamma', '2', '--layers', '/32@grad-cam', '--layers', '/8,/16,/32', '--fuse', 'max,mean', '--scale-layers', 'all',
  '--refine', 'none', '--refine', 'random-walk', '--refine', 'pamr', '--method', 'layer-cam', '--method', 'grad-cam', '--thresholds', '40',
];

/** Runs the command line of a checkout, and returns what it prints. */
function run(checkout, command, ...argv) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(checkout, 'bin/voc-seeds.js'), command, ...argv], { encoding: 'utf8', maxBuffer: 2 ** 30 });
  if (status !== 0) throw new Error(`${checkout}: ${command} ${argv.join(' ')} ended with ${status}:\n${stderr}`);
  return stdout;
}

/** Everything that a checkout makes, as a text or hash per name. */
function resultsOf(checkout, folder) {
  const kept = join(folder, 'results.json');
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8'));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const results = {};
  for (const preset of presets) {
    const out = join(folder, preset);
    run(checkout, 'generate', ...list, '--labels', 'masks', '--config', preset, '--out', out, '--save-cams', ...['fast', 'best'].includes(preset) ? ['--save-unrefined'] : []);
    for (const name of ['SegmentationClass', 'SegmentationClassUnrefined', 'Confidence', 'cams', 'ImageSets']) Object.assign(results, hashesIn(out, name, preset));
    results[`${preset}: scores`] = run(checkout, 'eval', ...list, '--pred', join(out, 'SegmentationClass'), '--json');
    results[`${preset}: scores of the maps`] = run(checkout, 'eval', ...list, '--maps', join(out, 'cams'), '--json');
    const page = join(folder, `${preset}.html`);
    run(checkout, 'report', '--run', out, '--out', page, '--single-file', '--max-images', '20');
    for (const [, id, data] of readFileSync(page, 'utf8').matchAll(/<script type="application\/json" id="([^"]+)">([^<]*)/g)) results[`${preset}: report, ${id}`] = withoutFolder(data, folder);
  }
  const out = join(folder, 'ablation');
  run(checkout, 'ablate', ...list, '--labels', 'masks', ...ablation, '--out', out);
  results['ablation.json'] = withoutTimes(readFileSync(join(out, 'ablation.json'), 'utf8'));
  writeFileSync(kept, JSON.stringify(results));
  return results;
}

function hashesIn(out, name, preset) {
  const folder = join(out, name);
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(files.map((entry) => {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    return [`${preset}: ${path.slice(out.length + 1)}`, createHash('sha256').update(readFileSync(path)).digest('hex')];
  }));
}

const withoutFolder = (text, folder) => text.replaceAll(folder, '');

/** What depends on nothing but settings and data: no times, no folders, no versions. */
function withoutTimes(text) {
  const drop = new Set(['seconds', 'stages', 'started', 'finished', 'out', 'versions', 'command', 'modelPath', 'imagesPerSecond']);
  return JSON.stringify(JSON.parse(text, (key, value) => (drop.has(key) ? undefined : value)), null, 1);
}

/** Where two texts part, for people. */
function partingOf(a, b) {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const from = Math.max(0, at - 60);
  return `...${a.slice(from, at + 60)}...\n      ...${b.slice(from, at + 60)}...`;
}

const [before, after] = positionals.map((checkout, i) => resultsOf(resolve(checkout), join(work, i === 0 ? 'old' : 'new')));
const groups = new Map();
for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
  const group = name.replace(/\/[^/]*$/, '');
  const { same, different } = groups.get(group) ?? { same: 0, different: [] };
  const equal = before[name] === after[name];
  groups.set(group, { same: same + (equal ? 1 : 0), different: equal ? different : [...different, name] });
}
for (const [group, { same, different }] of groups) {
  console.log(`${different.length === 0 ? 'equal' : 'DIFFERENT'}  ${group}${same + different.length > 1 ? `: ${same} of ${same + different.length}` : ''}`);
  for (const name of different.slice(0, 3)) console.log(`      ${name}: ${before[name] === undefined || after[name] === undefined ? 'there is only one' : partingOf(before[name], after[name])}`);
}
if (values.work === undefined) rmSync(work, { recursive: true, force: true });
process.exitCode = [...groups.values()].some(({ different }) => different.length > 0) ? 1 : 0;
