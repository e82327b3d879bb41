// Prints the reference of all settings, docs/reference/settings.md, from their declarations:
//
//   npm run build && node scripts/docs/settings-reference.mjs > docs/reference/settings.md

import { allSettings } from '../../dist/settings/reference.js';

const rows = allSettings();
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

function row({ name, flag, values, default: otherwise = '', commands, axis, help }) {
  const users = commands.map((command) => (axis && ['ablate', 'localize', 'faithfulness'].includes(command) ? `${command} (axis)` : command)).join(', ');
  const cells = [`\`${name}\``, flag === undefined ? '' : `\`${flag}\``, values, otherwise, users, help];
  return `| ${cells.map(cell).join(' | ')} |`;
}

const sections = [...new Set(rows.map(({ group }) => group))].flatMap((group) => [
  '', `## ${group}`, '', '| setting | flag | value | default | commands | |', '|---|---|---|---|---|---|',
  ...rows.filter((one) => one.group === group).map(row),
]);
console.log([
  '# Settings', '',
  'Every setting of `generate`, `cam`, `ablate`, `localize`, `faithfulness`, `train`, `prototypes` and `pipeline`: its name in a settings file, its flag,',
  'what it takes, and its default. The defaults are those of a settings file that does not set it (the preset `paper`); without `--config`,',
  '`generate`, `cam`, `ablate`, `localize` and `faithfulness` start from the preset `fast`. An axis takes several values in `ablate`,',
  '`localize` and `faithfulness`.',
  ...sections,
].join('\n'));
