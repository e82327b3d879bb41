import { generateSettings } from '../../ablate/format.js';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import type { PassSettings } from '../../variants/pass.js';
import type { VariantScore } from '../../ablate/score.js';
import type { AblateConfig } from '../../settings/ablate.js';
import { seedSettings } from '../../settings/cam.js';
import type { SeedSettings } from '../../settings/cam.js';
import { generateSchema } from '../../settings/generate.js';
import { idleSettings } from '../../settings/idle.js';
import { DEFAULT_PRESET, presetSettings } from '../../settings/presets.js';
import { flagOf } from '../../setting.js';
import { z } from 'zod';
import type { DevkitFlags, MaskFlags } from '../options/devkit-options.js';
import type { ModelFlags } from '../options/model-options.js';

/** The flags of `ablate` that choose images and model and are not settings. */
export type SourceFlags = Omit<DevkitFlags, 'data' | 'vocRoot' | 'classSet' | 'split' | 'valShare' | 'splitSeed'> & MaskFlags & ModelFlags;

/** The settings that choose images, labels, model and runtime. */
export type SourceSettings = Pick<AblateConfig, 'data' | 'valShare' | 'splitSeed' | 'vocRoot' | 'classSet' | 'split' | 'scoreOn' | 'labels' | 'labelFile' | 'difficult' | 'model' | 'prototypes' | 'runtime' | 'device' | 'workers' | 'threads'>;

/**
 * The shell command that makes a variant's seeds. {@link evalCommand} gives them the variant's score.
 *
 * @param score the variant and its chosen parameter
 * @param classes those of thresholds per class
 */
export function generateCommand(
  score: Pick<VariantScore, 'variant' | 'parameter'>, config: SourceSettings & PassSettings, flags: SourceFlags, classSet: ClassSet,
): string {
  const { labels, labelFile, difficult, model, prototypes, runtime, device, workers, threads } = config;
  const { logits, preprocess, channelOrder, scale, mean, std, classes, modelInputSize, tokens } = flags;
  return commandText('generate', {
    ...sourceOf(config, flags), rgbMasks: labels?.startsWith('masks') === true ? flags.rgbMasks : undefined, labels, labelFile, difficult,
    model, prototypes, logits, preprocess, channelOrder, scale, mean, std, classes, modelInputSize: modelInputSize?.join('x'), tokens: tokens?.join('x'),
    ...changed(generateSettings(score, config, classSet), score.variant.recipe.layers.length),
    runtime: runtime === 'auto' ? undefined : runtime, device, workers, threads,
    out: OUT,
  });
}

/** The shell command that scores the seeds of {@link generateCommand}. */
export function evalCommand(
  config: SourceSettings & Pick<AblateConfig, 'ignoredAs'>, flags: SourceFlags, { allowMissing }: { readonly allowMissing: boolean },
): string {
  return commandText('eval', {
    ...sourceOf(config, flags), rgbMasks: flags.rgbMasks, pred: `${OUT}/SegmentationClass`,
    allowMissing: allowMissing || undefined, ignoredAs: config.ignoredAs === 'error' ? undefined : config.ignoredAs,
  });
}

/** Settings as flags: `--fuse mean --gamma 3`. */
export function settingsText(settings: Readonly<Record<string, unknown>>): string {
  return words(settings).join(' ');
}

const OUT = 'seeds';

function sourceOf(
  { data, vocRoot, classSet, split, scoreOn, valShare, splitSeed }: SourceSettings, { maskDir, ids, limit }: SourceFlags,
): Record<string, unknown> {
  return { data, vocRoot, classSet, split: scoreOn ?? split, valShare, splitSeed, maskDir, ids, limit };
}

/** The settings that differ from the preset that `generate` starts from. */
function changed(wanted: Partial<SeedSettings>, layerCount: number): Record<string, unknown> {
  const schema = z.object(seedSettings);
  const [all, start] = [schema.parse(wanted), schema.parse(presetSettings(generateSchema, DEFAULT_PRESET))];
  const names = Object.keys(seedSettings) as (keyof SeedSettings)[];
  return Object.fromEntries(names.filter((name) => {
    if (JSON.stringify(all[name]) === JSON.stringify(start[name])) return false;
    // Left out only if neither value has an effect.
    return ![all, { ...all, [name]: start[name] }].every((settings) => idleSettings(settings, layerCount).has(name));
  }).map((name) => [name, all[name]]));
}

function commandText(command: string, settings: Readonly<Record<string, unknown>>): string {
  return ['voc-seeds', command, ...words(settings)].join(' ');
}

/** Flags and their values, quoted for a shell. Undefined values are left out. */
function words(settings: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    const flag = flagOf(name);
    if (value === undefined) return [];
    if (value === true) return [flag];
    if (value === false) return [`--no-${flag.slice(2)}`];
    return [flag, shellWord(textOf(value))];
  });
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => String(item).replaceAll(',', '\\,')).join(',');
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(([name, own]) => `${name}=${String(own)}`).join(',');
  return String(value);
}

/** Quotes a word for a POSIX shell if necessary. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll('\'', '\'\\\'\'')}'`;
}
