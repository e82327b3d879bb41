// Presses Ctrl-C twice in run after run of one command, each time at another moment, and tells how the runs ended:
//
//     node scripts/interrupt-loop.mjs [--rounds 20] [--seed 1] [--files 12] [--first SIGINT] [--second SIGINT] [--resume] OUT COMMAND...
//
// OUT is the folder that the command writes to; it is removed before each round, unless --resume leaves it. After each round
// every PNG in it must be readable, and there must be no temporary file. The exit code is 1 if anything was wrong.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';

const own = process.argv.slice(2);
const flags = {
  rounds: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' },
  // The first signal comes when the run has written up to so many files, and a little later.
  files: { type: 'string', default: '12' },
  first: { type: 'string', default: 'SIGINT' }, second: { type: 'string', default: 'SIGINT' },
  resume: { type: 'boolean', default: false },
};
let at = 0;
while (own[at]?.startsWith('--')) at += flags[own[at].slice(2)]?.type === 'boolean' ? 1 : 2;
const { values } = parseArgs({ args: own.slice(0, at), options: flags });
const [out, ...command] = own.slice(at);
const program = fileURLToPath(new URL('../bin/voc-seeds.js', import.meta.url));

// Park and Miller's generator: the same moments for the same seed.
let state = Number(values.seed);
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;

const filesIn = () => readdir(out, { recursive: true }).catch(() => []);

async function round() {
  const before = (await filesIn()).length;
  const wanted = before + Math.floor(random() * Number(values.files));
  const child = spawn(process.execPath, [program, ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { said += data; });
  let outcome;
  const ended = once(child, 'close').then(([code, signal]) => {
    outcome = code ?? signal;
  });
  while (outcome === undefined && (await filesIn()).length <= wanted) await sleep(20);
  await Promise.race([sleep(random() * 500), ended]);
  child.kill(values.first);
  await Promise.race([sleep(20 + random() * 400), ended]);
  const twice = child.kill(values.second);
  const start = Date.now();
  await ended;
  return { outcome, twice, seconds: (Date.now() - start) / 1000, said };
}

const outcomes = {};
let [slowest, both, wrong] = [0, 0, 0];
for (let i = 0; i < Number(values.rounds); i++) {
  if (!values.resume) await rm(out, { recursive: true, force: true });
  const { outcome, twice, seconds, said } = await round();
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  slowest = Math.max(slowest, seconds);
  if (twice) both++;
  const files = await filesIn();
  const left = files.filter((name) => name.endsWith('.tmp'));
  const pictures = files.filter((name) => name.endsWith('.png'));
  for (const name of pictures) await sharp(`${out}/${name}`, { failOn: 'warning' }).stats();
  console.log(`round ${i}: ${outcome} after ${seconds.toFixed(1)} s; ${files.length} files, ${pictures.length} pictures${left.length > 0 ? `, LEFT ${left.join(' ')}` : ''}`);
  if (left.length > 0 || (twice && outcome !== 130)) {
    wrong++;
    console.log(said);
  }
}
console.log(`${JSON.stringify(outcomes)}; ${both} were hit twice; the slowest took ${slowest.toFixed(1)} s to end`);
process.exitCode = wrong === 0 ? 0 : 1;
