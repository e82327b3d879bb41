import { basename, dirname, extname, join } from 'node:path';
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { chooseLayers, pickMaps } from '../../cam/layer-choice.js';
import { loadClassifier } from '../../classifier/load.js';
import type { LoadedClassifier } from '../../classifier/load.js';
import { mapsToArray } from '../../maps/map-rows.js';
import { fuseViews } from '../../maps/multi-scale.js';
import { runViews, unmirrored } from '../../pipeline/photo-views.js';
import type { PhotoViewOptions } from '../../pipeline/photo-views.js';
import { openCam, prepareCam } from '../../cam/plan.js';
import type { CamRunner } from '../../cam/plan.js';
import { camSettings } from '../../settings/cam.js';
import { generateSchema } from '../../settings/generate.js';
import { commandSettings } from '../../settings/commands.js';
import { loadConfig } from '../../settings/load.js';
import { DEFAULT_PRESET, presetSettings } from '../../settings/presets.js';
import { UserError } from '../../errors.js';
import { nearest } from '../../text/nearest.js';
import { overlayHeat, writeRgbPng } from '../../image/overlay.js';
import { openPhoto } from '../../image/photo-file.js';
import type { PhotoFile } from '../../image/photo-file.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { encodeNpz } from '../../formats/numpy/npz.js';
import { openRuntime } from '../../runtime/open.js';
import { inputSizeFor } from '../../pipeline/generate.js';
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
import { addForceOption, addModelOptions, modelOrDefault, specOfFlags } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';

/** The flags that are no settings; those are told by {@link givenSettings}. */
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
  # Where is the dog? Writes photo-dog.png beside the photograph
  voc-seeds cam photo.jpg --model classifier.onnx --class dog

  # The three classes that the classifier finds most likely, into a folder, with the maps as .npz
  voc-seeds cam photo.jpg --model classifier.onnx --top 3 --out heat --npz

  # Any ImageNet classifier
  voc-seeds cam photo.jpg --model mobilenet.onnx --logits logits --preprocess tensorflow --classes labels.txt --class "tabby, tabby cat"
`;

/** `voc-seeds cam` */
export const registerCam: CommandRegistrar = (program, done) => {
  const command = program.command('cam').argument('<photo>', 'an image file')
    .description('Show where a classifier sees a class in one photograph: a heat map laid over it.')
    .optionsGroup(GROUPS.input)
    .option('--class <name,...>', 'classes by name or by the index of their logit (default: the most likely ones)', argument(parseClasses))
    .option('--top <n>', 'without --class: how many of the most likely classes', parseCount, 1)
    .optionsGroup(GROUPS.output)
    .option('--out <folder>', 'where the pictures go (default: beside the photograph)')
    .option('--opacity <o>', 'of the heat map, 0..1', parseNumber, 0.7)
    .option('--npz', 'also write the maps: keys (indices of logits) and maps [K, H, W]')
    .option('--json', 'print what was found and written as JSON');
  addConfigOption(command, '. Settings of seeds have no effect here');
  addForceOption(addModelOptions(addSettings(command, commandSettings.cam)));
  showDefaults(command, () => presetSettings(generateSchema, DEFAULT_PRESET))
    .addHelpText('after', examples)
    .action(async (photo: string, flags: CamFlags) => { done(await run(photo, flags)); });
};

// ImageNet's class names hold commas: a comma parts names only where no space follows.
function parseClasses(text: string): string[] {
  return parseNames(text.replaceAll(', ', '\0')).map((name) => name.replaceAll('\0', ', '));
}

async function run(path: string, flags: CamFlags): Promise<number> {
  const given = givenSettings(commandSettings.cam, flags);
  // A configuration may be one of `generate`: what does not concern maps is checked, but not used.
  const config = await loadConfig(generateSchema, startOf(flags), given);
  sayPreset(flags);
  for (const note of idleNotes(given, config)) process.stderr.write(`${note}\n`);
  const settings = z.object(camSettings).parse(config);
  const classifier = await loadClassifier(modelOrDefault(config.model), await specOfFlags(flags), flags.force);
  const { graph, spec } = classifier;
  const chosen = chooseLayers(graph, settings.layers, settings.method);
  sayModelNotes(classifier, chosen);
  const views = { ...settings, inputSize: inputSizeFor(classifier, settings), normalisation: spec };
  const plan = prepareCam(graph, chosen.layers, { ...settings, methods: chosen.methods, picks: chosen.picks });
  const { runtime } = await openRuntime(config);
  const cam = await openCam(plan, runtime, { threads: availableParallelism() });
  try {
    const photo = await openPhoto(path, { upright: true });
    const { original } = photo;
    const classes = flags.class?.map((name) => logitOf(classifier, name))
      ?? strongest(await logitsOf(photo, views, cam), flags.top);
    const { results } = await runViews(photo, views, (tensor, size) => cam.run(tensor, size, classes));
    const shown = results.map(({ result, ...view }) => unmirrored(pickMaps(result.maps, chosen.picks), view));
    const maps = fuseViews(shown, classes.length, original, settings);
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
      found.push({ class: spec.classes[logit], index: logit, logit: results[0].result.logits[logit], empty: maps.maxima[k] === 0, file });
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
    await cam.release();
  }
}

/** The logits of the photograph as it is, at a single scale. */
async function logitsOf(photo: PhotoFile, views: PhotoViewOptions, cam: CamRunner): Promise<Float32Array> {
  const { results: [{ result }] } = await runViews(photo, { ...views, scales: [1], flip: false }, (tensor, size) => cam.run(tensor, size, [0]));
  return result.logits;
}

function logitOf({ spec, path }: LoadedClassifier, name: string): number {
  const wanted = name.toLowerCase();
  const byName = spec.classes.findIndex((own) => own.toLowerCase() === wanted);
  if (byName >= 0) return byName;
  if (/^\d+$/.test(name) && Number(name) < spec.classes.length) return Number(name);
  const similar = spec.classes.filter((own) => own.toLowerCase().includes(wanted)).slice(0, 5);
  const near = nearest(name, spec.classes);
  throw new UserError(`${path} has no class '${name}'`, similar.length > 0 ? `similar: ${similar.join('; ')}` : near !== undefined ? `did you mean ${near}?` : `classes: ${spec.classes.slice(0, 20).join(', ')}`);
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
