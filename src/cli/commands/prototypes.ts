import { fitPrototypes } from '../../prototypes/fit.js';
import type { PrototypeReport } from '../../prototypes/fit.js';
import { progressBar } from '../../jobs/progress.js';
import { loadConfig } from '../../settings/load.js';
import { prototypesSchema } from '../../settings/prototypes.js';
import { markdownTable } from '../../metrics/format.js';
import type { AlsoTrainOn } from '../../train/workflow/data.js';
import type { CommandRegistrar } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { parseAlso } from '../options/also-option.js';
import { showDefaults } from '../options/default-help.js';
import { addMaskOptions, addSelectionOptions, addStrictOption, describeMissing } from '../options/devkit-options.js';
import type { DevkitFlags, MaskFlags, StrictFlags } from '../options/devkit-options.js';
import { GROUPS } from '../options/groups.js';
import { addForceOption, addModelOptions, openClassifier } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { argument } from '../options/parsers.js';
import { addSettings, givenSettings } from '../options/setting-options.js';
import { sayNetworkNotes } from '../text/model-notes.js';
import { SUMMARIES } from './summaries.js';

/** The flags that are not settings. Those are read by {@link givenSettings}. */
interface PrototypeFlags extends DevkitFlags, StrictFlags, MaskFlags, ModelFlags {
  force?: boolean;
  json?: boolean;
}

const examples = `
Examples:
  # Prototypes of the bundled classifier's classes, and seeds with them
  voc-seeds prototypes --voc-root VOCdevkit/VOC2012 --split train --labels xml --out prototypes.npz
  voc-seeds generate --voc-root VOCdevkit/VOC2012 --split train --labels xml --prototypes prototypes.npz --layers /8,/16,/32@prototype-cam --out seeds

  # Of an ImageNet classifier, from a list of photographs with one class each
  voc-seeds prototypes --model mobilenet.onnx --list boxes.csv --images images --logit-offset 1 --out prototypes.npz

  # At two layers, with fewer centres
  voc-seeds prototypes --voc-root VOCdevkit/VOC2012 --split train --labels xml --layers /16,/32 --centres 12 --out prototypes.npz

Only image-level labels are used. Features are kept in the cache (about 0.3 MB per photograph), so another run with the same
photographs only clusters them, and an interrupted run continues.

Exit codes: 0 the prototypes are written; 1 wrong usage or an error; 2 they are written, but some photographs failed (or are
missing, with --strict).
`;

/** `voc-seeds prototypes` */
export const registerPrototypes: CommandRegistrar = (program, done) => {
  const command = program.command('prototypes').description(SUMMARIES.prototypes);
  addSettings(command, prototypesSchema.shape)
    .optionsGroup(GROUPS.input)
    .option('--also <root,split,labels>', 'another list, with its own data set or labels; may be repeated', (text, before?: AlsoTrainOn[]) => argument((one) => parseAlso(one, before))(text));
  addForceOption(addModelOptions(addMaskOptions(addStrictOption(addSelectionOptions(command)))))
    .optionsGroup(GROUPS.output)
    .option('--json', 'print the report as JSON');
  showDefaults(command, () => prototypesSchema.parse({})).addHelpText('after', examples).action(async (flags: PrototypeFlags) => { done(await run(flags)); });
};

async function run(flags: PrototypeFlags): Promise<number> {
  const config = await loadConfig(prototypesSchema, undefined, givenSettings(prototypesSchema.shape, flags));
  const { ids, limit, maskDir, rgbMasks, strict } = flags;
  const say = (text: string): void => { process.stderr.write(`${text}\n`); };
  const classifier = await openClassifier({ model: config.model }, flags);
  sayNetworkNotes(classifier.path, classifier.graph);
  const report = await fitPrototypes({ classifier, settings: config, ids, limit, maskDir, rgbMasks, onMessage: say, onWork: progressBar });
  process.stdout.write(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
  if (report.missing > 0) process.stderr.write(describeMissing(report.missing, report.listed, '', 'photographs of the lists'));
  return report.failures.length > 0 || (strict === true && report.missing > 0) ? EXIT.failures : EXIT.ok;
}

/** The largest number of classes and failures that are shown; --json has all. */
const MOST = 20;

function describe({ out, photographs, layers, absent, seconds, failures }: PrototypeReport): string {
  const lines = [`${out}: prototypes of ${Object.keys(layers[0].classes).length} classes, fitted to ${photographs} photographs in ${seconds} s`];
  for (const { layer, stride, classes } of layers) {
    const all = Object.entries(classes);
    const rows = all.slice(0, MOST).map(([name, own]) => [name, own.photographs, own.positive, own.centres - own.positive].map(String));
    lines.push('', `${layer} (/${stride}):`, '', markdownTable(['class', 'photographs', 'positive centres', 'negative centres'], rows));
    if (all.length > MOST) lines.push(`... and ${all.length - MOST} more classes`);
  }
  if (absent.length > 0) lines.push('', `${absent.length} classes have no prototypes, because no photograph shows them: ${absent.slice(0, MOST).join('; ')}${absent.length > MOST ? '; ...' : ''}`);
  if (failures.length > 0) lines.push('', `${failures.length} photographs failed:`, ...failures.slice(0, MOST).map(({ id, reason }) => `  ${id}: ${reason}`));
  return `${lines.join('\n')}\n`;
}
