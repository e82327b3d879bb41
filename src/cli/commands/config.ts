import { Argument } from 'commander';
import { fileSchemas } from '../../settings/commands.js';
import type { FileKind } from '../../settings/commands.js';
import { jsonSchemaOf } from '../../settings/json-schema.js';
import { DEFAULT_PRESET, PRESETS, presetText } from '../../settings/presets.js';
import { parseChoice } from '../options/choice.js';
import { EXIT } from '../exit-codes.js';
import type { CommandRegistrar } from '../command.js';
import { SUMMARIES } from './summaries.js';

const commands = Object.keys(fileSchemas) as FileKind[];

/** `voc-seeds config schema|presets` */
export const registerConfig: CommandRegistrar = (program, done) => {
  const config = program.command('config').description(SUMMARIES.config);
  config.command('schema').description('Print the JSON Schema of the settings files of a command.')
    .addArgument(new Argument('[command]', 'the command that reads the files').choices(commands).argParser((text) => parseChoice(text, commands, 'Allowed choices are')).default('generate'))
    .addHelpText('after', `
Example:
  voc-seeds config schema ablate > ablate.schema.json

Editors check and complete files with this first line:
# yaml-language-server: $schema=ablate.schema.json
`)
    .action((command: FileKind) => {
      process.stdout.write(`${JSON.stringify(jsonSchemaOf(command), null, 2)}\n`);
      done(EXIT.ok);
    });
  config.command('presets').description('List the presets for --config of generate, cam, ablate, localize and faithfulness.')
    .addHelpText('after', '\nExample:\n  voc-seeds config presets | sort\n')
    .action(() => {
      process.stdout.write(PRESETS.map((name) => `${name.padEnd(6)} ${presetText(name)}${name === DEFAULT_PRESET ? ' (default)' : ''}\n`).join(''));
      done(EXIT.ok);
    });
};
