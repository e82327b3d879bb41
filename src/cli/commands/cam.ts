import { basename, dirname, extname, join } from 'node:path';
import { availableParallelism } from 'node:os';
import { chooseLayers } from '../../cam/layer-choice.js';
import { logitOf } from '../../classifier/class-names.js';
import type { LoadedClassifier } from '../../classifier/load.js';
import { loadClassSet } from '../../datasets/classes/load.js';
import { mapsToArray } from '../../maps/map-rows.js';
import { logitsOf } from '../../pipeline/image-classes.js';
import { PhotoCam } from '../../pipeline/photo-cam.js';
import { generateSchema } from '../../settings/generate.js';
import { commandSettings } from '../../settings/commands.js';
import { loadConfig } from '../../settings/load.js';
import { DEFAULT_PRESET, presetSettings } from '../../settings/presets.js';
import { overlayHeat, writeRgbPng } from '../../image/overlay.js';
import { openPhoto } from '../../image/photo-file.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { encodeNpz } from '../../formats/numpy/npz.js';
import { openRuntime } from '../../runtime/open.js';
import { parseNames } from '../../text/lists.js';
import { addConfigOption, sayPreset, startOf } from '../options/config-options.js';
import type { ConfigFlags } from '../options/config-options.js';
import { showDefaults } from '../options/default-help.js';
import { GROUPS } from '../options/groups.js';
import { argument, parseCount, parseNumber } from '../options/parsers.js';
import { addSettings, givenSettings } from '../options/setting-options.js';
import { EXIT } from '../exit-codes.js';
import { idleNotes } from '../text/idle-notes.js';
import type { CommandRegistrar } from '../command.js';
import { sayModelNotes } from '../text/model-notes.js';
import { addForceOption, addModelOptions, openClassifier } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { SUMMARIES } from './summaries.js';

/** The flags that are not settings. Those are read by {@link givenSettings}. */
interface CamFlags extends ConfigFlags, ModelFlags {
  class?: string[];
  top: number;
  out?: string;
  opacity: number;
  npz?: boolean;
  force?: boolean;
}

const examples = `
Examples:
  # Where is the dog? Writes photo-dog.png next to the photograph
  voc-seeds cam photo.jpg --model classifier.onnx --class dog

  # The three most likely classes, in a folder, with the maps as .npz
  voc-seeds cam photo.jpg --model classifier.onnx --top 3 --out heat --npz

  # Any ImageNet classifier
  voc-seeds cam photo.jpg --model mobilenet.onnx --logits logits --preprocess tensorflow --classes labels.txt --class "tabby, tabby cat"
`;

/** `voc-seeds cam` */
export const registerCam: CommandRegistrar = (program, done) => {
  const command = program.command('cam').argument('<photo>', 'an image file')
    .description(SUMMARIES.cam)
    .optionsGroup(GROUPS.input)
    .option('--class <name,...>', 'classes by name or by index of the logit (default: the most likely ones)', argument(parseClasses))
    .option('--top <n>', 'the number of most likely classes to show if --class is not given', parseCount, 1)
    .optionsGroup(GROUPS.output)
    .option('--out <folder>', 'the output folder (default: that of the photograph)')
    .option('--opacity <o>', 'opacity of the heat map, 0..1', parseNumber, 0.7)
    .option('--npz', 'also write the maps: keys (indices of logits) and maps [K, H, W]')
    .option('--json', 'print the result as JSON');
  addConfigOption(command, '; settings of seeds have no effect here');
  addForceOption(addModelOptions(addSettings(command, commandSettings.cam)));
  showDefaults(command, () => presetSettings(generateSchema, DEFAULT_PRESET))
    .addHelpText('after', examples)
    .action(async (photo: string, flags: CamFlags) => { done(await run(photo, flags)); });
};

// ImageNet's class names contain commas, so a comma before a space does not separate names.
function parseClasses(text: string): string[] {
  return parseNames(text.replaceAll(', ', '\0')).map((name) => name.replaceAll('\0', ', '));
}

async function run(path: string, flags: CamFlags): Promise<number> {
  const given = givenSettings(commandSettings.cam, flags);
  // The file may be one of `generate`. Settings that do not concern maps are checked, but not used.
  const config = await loadConfig(generateSchema, startOf(flags), given);
  sayPreset(flags);
  for (const note of idleNotes(given, config)) process.stderr.write(`${note}\n`);
  const classifier = await openClassifier(config, flags);
  const { spec } = classifier;
  sayModelNotes(classifier, chooseLayers(classifier.graph, config.layers, config.method));
  const known = await namesOf(flags.class, config.classSet, classifier);
  const { runtime } = await openRuntime(config);
  // Show what the classifier sees, without refinement.
  const settings = { ...config, refine: 'none', edgeUpsample: 'none' };
  // Arranging the weights for the blocked layout, as PhotoCam.open does, takes longer than it saves for one photograph.
  const cam = await PhotoCam.load(PhotoCam.plan(classifier, settings, { shared: false }), runtime, { threads: availableParallelism() });
  try {
    const photo = await openPhoto(path, { upright: true });
    const { original } = photo;
    const classes = flags.class?.map((name) => logitOf(spec.classes, known?.get(name) ?? name, classifier.path))
      ?? strongest(await cam.logits(photo), flags.top);
    const { maps, maxima, logits } = await cam.maps(photo, classes);
    const pixels = await photo.at(original);
    const [height, width] = original;
    const folder = flags.out ?? dirname(path);
    const stem = basename(path, extname(path));
    const all = mapsToArray(maps);
    const found = [];
    for (const [k, logit] of classes.entries()) {
      const map = all.subarray(k * height * width, (k + 1) * height * width);
      const file = join(folder, `${stem}-${fileName(spec.classes[logit])}.png`);
      await writeRgbPng(file, overlayHeat(pixels, map, flags.opacity), original);
      found.push({ class: spec.classes[logit], index: logit, logit: logits[logit], empty: maxima[k] === 0, file });
    }
    if (flags.npz === true) {
      await writeFileAtomic(join(folder, `${stem}.npz`), encodeNpz({
        keys: { shape: [classes.length], data: Int32Array.from(classes) },
        maps: { shape: [classes.length, height, width], data: all },
      }));
    }
    process.stdout.write(flags.json === true ? `${JSON.stringify(found, null, 2)}\n` : describe(found));
    return EXIT.ok;
  } finally {
    await cam.close();
  }
}

/** The logits of names and aliases of a class set. */
async function namesOf(
  names: readonly string[] | undefined, classSet: string | undefined, classifier: LoadedClassifier,
): Promise<Map<string, number> | undefined> {
  if (names === undefined || classSet === undefined) return undefined;
  const set = await loadClassSet(classSet);
  const logits = logitsOf(classifier, set);
  return new Map(names.flatMap((name) => {
    const logit = logits.get(set.require(name, '--class'));
    return logit === undefined ? [] : [[name, logit] as const];
  }));
}

function strongest(logits: Float32Array, count: number): number[] {
  return Array.from(logits, (_, i) => i).sort((a, b) => logits[b] - logits[a]).slice(0, count);
}

function fileName(name: string): string {
  return name.replace(/[^\p{L}\p{N}]+/gu, '_');
}

function describe(found: readonly { class: string; logit: number; empty: boolean; file: string }[]): string {
  return found.map((item) => `${item.class}: logit ${item.logit.toFixed(2)}${item.empty ? ', the map is zero everywhere' : ''}, ${item.file}\n`).join('');
}
