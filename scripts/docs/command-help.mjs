// Puts what `voc-seeds COMMAND --help` prints into the pages of docs/, between <!-- help: COMMAND --> and <!-- /help -->.
// With --check nothing is written, and the exit code is 1 if a page is not current or a command has no page.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from '../../dist/cli/main.js';

const docs = fileURLToPath(new URL('../../docs', import.meta.url));
const block = /<!-- help: (.+?) -->[^]*?<!-- \/help -->/g;
const check = process.argv.includes('--check');

/** The help of a command as a pipe gets it, 80 columns wide. In this process: starting one for every command takes ten times as long. */
async function helpOf(command) {
  const { write } = process.stdout;
  let text = '';
  process.stdout.isTTY = false;
  process.stdout.write = (part) => {
    text += part;
    return true;
  };
  try {
    const code = await main([...command.split(' ').filter(Boolean), '--help']);
    if (code !== 0) throw new Error(`voc-seeds ${command} --help ends with exit code ${code}`);
  } finally {
    process.stdout.write = write;
  }
  return text.trim();
}

/** The commands that a help text lists. */
function commandsIn(help) {
  const list = help.split('\nCommands:\n')[1] ?? '';
  return [...list.matchAll(/^ {2}([\w-]+)/gm)].map(([, name]) => name).filter((name) => name !== 'help');
}

/** Every command that takes options, with its help. */
async function allHelp() {
  const helps = new Map();
  for (const command of commandsIn(await helpOf(''))) {
    const help = await helpOf(command);
    const parts = commandsIn(help);
    if (parts.length === 0) helps.set(command, help);
    for (const part of parts) helps.set(`${command} ${part}`, await helpOf(`${command} ${part}`));
  }
  return helps;
}

const helps = await allHelp();
const missing = new Set(helps.keys());
const outdated = [];
for (const name of (await readdir(docs)).filter((file) => file.endsWith('.md'))) {
  const page = await readFile(join(docs, name), 'utf8');
  const current = page.replace(block, (_, command) => {
    if (!helps.has(command)) throw new Error(`docs/${name} wants the help of '${command}', which is not a command`);
    missing.delete(command);
    return `<!-- help: ${command} -->\n\n\`\`\`text\n${helps.get(command)}\n\`\`\`\n\n<!-- /help -->`;
  });
  if (current === page) continue;
  outdated.push(`docs/${name}`);
  if (!check) await writeFile(join(docs, name), current);
}
for (const command of missing) console.error(`no page of docs/ has <!-- help: ${command} --><!-- /help -->`);
if (check && outdated.length > 0) console.error(`not current: ${outdated.join(', ')}; run npm run build && npm run docs:generate`);
if (!check) console.log(outdated.length === 0 ? 'all pages are current' : `written: ${outdated.join(', ')}`);
if (missing.size > 0 || (check && outdated.length > 0)) process.exitCode = 1;
