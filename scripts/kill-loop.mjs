// Kills a run again and again at random moments (SIGKILL) and starts it anew each time. In the end its folder must hold the
// same bytes as that of a run that nobody disturbed, and no temporary file.
//
//   node scripts/kill-loop.mjs generate --voc-root VOCdevkit/VOC2012 --split dev_val --labels masks --limit 40 --save-cams
//   node scripts/kill-loop.mjs ablate --voc-root VOCdevkit/VOC2012 --split dev_val --labels masks --limit 40 --fuse max,mean
//
//   KILLS=20   how often at least (default 20); a run that gets through before that begins again in an empty folder
//   SEED=1     of the moments
//   WORK=...   where the folders go (default: a new one in the temporary folder, removed in the end)
//
// All arguments are those of voc-seeds, without --out. Prints a JSON summary; exits with 1 if anything differs.

import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';

const program = process.env.PROGRAM ?? fileURLToPath(new URL('../bin/voc-seeds.js', import.meta.url));
const argv = process.argv.slice(2);
const kills = Number(process.env.KILLS ?? 20);
const work = process.env.WORK ?? await mkdtemp(join(tmpdir(), 'voc-seeds-kill-loop-'));

// A linear congruential generator: the same moments for the same seed.
let state = Number(process.env.SEED ?? 1);
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};

/** Runs the command, and kills it after so many milliseconds if it has not ended by then. */
function run(out, killAfter) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...argv, '--out', out], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (text) => { stderr += text; });
    const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stderr });
    });
  });
}

const filesIn = async (folder) => (await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []))
  .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1)).sort();

/** What depends on nothing but the settings: journals and run.json tell of times as well. */
const isResult = (name) => /^(?:SegmentationClass|SegmentationClassUnrefined|Confidence|cams|ImageSets|images)\/|^ablation\.csv$/.test(name) && !name.endsWith('.tmp');

async function differences(out, wanted, complete) {
  const found = [];
  const names = (await filesIn(out)).filter(isResult);
  for (const name of names) {
    // The list grows with the run.
    if (!complete && name.startsWith('ImageSets/')) continue;
    if (!wanted.get(name)?.equals(await readFile(join(out, name)))) found.push(name);
  }
  if (complete) found.push(...[...wanted.keys()].filter((name) => !names.includes(name)));
  return found;
}

const problems = [];
const whole = join(work, 'whole');
const began = performance.now();
const first = await run(whole);
if (first.code !== 0) throw new Error(`the undisturbed run ended with ${first.code}: ${first.stderr}`);
const duration = performance.now() - began;
const wanted = new Map();
for (const name of (await filesIn(whole)).filter(isResult)) wanted.set(name, await readFile(join(whole, name)));

let [killed, rounds, leftovers, most] = [0, 0, 0, 0];
while (killed < kills) {
  const out = join(work, `killed-${rounds++}`);
  for (;;) {
    // Early moments, so that a run is killed several times before it gets through.
    const { code, signal, stderr } = await run(out, killed < kills ? random() * duration / 4 : undefined);
    if (signal === 'SIGKILL') {
      killed++;
      const temporary = (await filesIn(out)).filter((name) => name.endsWith('.tmp')).length;
      leftovers += temporary;
      most = Math.max(most, temporary);
      problems.push(...(await differences(out, wanted, false)).map((name) => `after kill ${killed}: ${name} differs`));
      continue;
    }
    if (code !== 0) {
      problems.push(`round ${rounds} ended with ${code}: ${stderr}`);
      killed = kills;
    }
    break;
  }
  problems.push(...(await differences(out, wanted, true)).map((name) => `in the end: ${name} differs`));
  problems.push(...(await filesIn(out)).filter((name) => name.endsWith('.tmp')).map((name) => `in the end: ${name} is left`));
}
console.log(JSON.stringify({
  command: argv[0], files: wanted.size, secondsUndisturbed: Number((duration / 1000).toFixed(1)), killed, rounds,
  temporaryFilesAfterKills: leftovers, mostAtOnce: most, problems,
}, null, 2));
if (process.env.WORK === undefined) await rm(work, { recursive: true });
if (problems.length > 0) process.exitCode = 1;
