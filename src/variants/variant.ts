import type { ClassifierGraph } from '../classifier/classifier.js';
import type { ChosenLayers } from '../cam/layer-choice.js';
import { chooseLayers } from '../cam/layer-choice.js';
import type { MultiScaleOptions, View } from '../maps/multi-scale.js';
import { viewsOf } from '../maps/multi-scale.js';
import { MAP_AXES } from '../settings/axes.js';
import type { VariantSettings } from '../settings/axes.js';
import { idleSettings } from '../settings/idle.js';
import { UserError } from '../errors.js';
import { formatRefiners, parseRefiners } from '../maps/refine/refiners.js';
import { parseUpsampler } from '../maps/refine/upsamplers.js';
import type { ConflictPolicy } from '../seeds/assign.js';
import { nameVariants } from './grid.js';
import type { WantedVariant } from './grid.js';

/** How the maps of a variant are made, without how labels are made of them. */
export interface MapRecipe {
  /** Layers and methods as `tensor@method`, shallowest first. */
  readonly layers: readonly string[];
  readonly views: readonly View[];
  readonly fusion: MultiScaleOptions;
  /** An edge-aware upsampler, as text. */
  readonly upsampler?: string;
  /** Refiners, as text. */
  readonly refine?: { readonly chain: string; readonly norm: 'max' | 'none' };
}

/** One variant of the ablation. */
export interface Variant {
  readonly name: string;
  /** The settings as given. */
  readonly settings: VariantSettings;
  /** Those of them that have an effect. */
  readonly effective: Partial<VariantSettings>;
  readonly recipe: MapRecipe;
  readonly background: VariantSettings['background'];
  readonly conflict: ConflictPolicy;
}

/** Distinct variants, and the number of those left out because they equal another one. */
export interface VariantList {
  readonly variants: readonly Variant[];
  readonly dropped: number;
}

/**
 * Resolves the layers of all variants, finds the settings that have an effect, and drops variants that equal an earlier one.
 *
 * @throws UserError if a layer or refiner does not exist, settings exclude each other, or two variants have the same name
 */
export function resolveVariants(classifier: ClassifierGraph, wanted: readonly WantedVariant[]): VariantList {
  const distinct = new Map<string, { name?: string; readonly variant: Unnamed }>();
  const names = new Set<string>();
  for (const { name, settings } of wanted) {
    if (name !== undefined && names.has(name)) throw new UserError(`two variants are called '${name}'`, 'give each its own name');
    if (name !== undefined) names.add(name);
    const variant = resolve(settings, chooseLayers(classifier, settings.layers, settings.method));
    const key = JSON.stringify([variant.recipe, variant.background, variant.conflict]);
    const known = distinct.get(key);
    if (known === undefined) distinct.set(key, { name, variant });
    else known.name ??= name;
  }
  const entries = [...distinct.values()];
  const all = nameVariants(entries.map(({ name, variant: { effective } }) => ({ name, effective })));
  return { variants: entries.map(({ variant }, i) => ({ name: all[i], ...variant })), dropped: wanted.length - entries.length };
}

/** A variant whose labels do not matter, for JSON: its settings that have an effect, and its layers. */
export function describeVariant({ name, effective, recipe }: Variant): Readonly<Record<string, unknown>> {
  return { name, settings: Object.fromEntries(MAP_AXES.map((axis) => [axis, effective[axis]])), layers: recipe.layers };
}

type Unnamed = Omit<Variant, 'name'>;

/** In the recipe, settings without an effect get a fixed value, so that variants with equal maps have equal recipes. */
function resolve(settings: VariantSettings, chosen: ChosenLayers): Unnamed {
  const { background, conflict, conflictMargin, refine, refineNorm, upsample, alignCorners, mapNorm, layerNorm } = settings;
  if (background === 'per-class' && conflict !== 'argmax') {
    throw new UserError(`thresholds per class cannot be tuned with --conflict ${conflict}`, 'use --conflict argmax with --background per-class');
  }
  const views = viewsOf(settings);
  const [many, several] = [chosen.names.length > 1, views.length > 1];
  const scaleLayers = settings.scaleLayers === 'shallow' && !many ? 'none' : settings.scaleLayers;
  const scaled = scaleLayers !== 'none';
  const chain = formatRefiners(parseRefiners(refine));
  const refined = chain !== 'none';
  const upsampler = settings.edgeUpsample.trim();
  const edges = upsampler !== 'none';
  if (edges) parseUpsampler(upsampler);
  const fusion: MultiScaleOptions = {
    layerNorm, upsample, alignCorners, mapNorm, scaleLayers,
    gamma: scaled ? settings.gamma : 1,
    fuse: many ? settings.fuse : 'max',
    scaleNorm: several ? settings.scaleNorm : 'max',
    scaleFuse: several ? settings.scaleFuse : 'mean',
    fuseFirst: several ? settings.fuseFirst : 'layers',
  };
  const conflictPolicy: ConflictPolicy = conflict === 'ignore' ? { kind: conflict, margin: conflictMargin } : { kind: conflict };
  const idle = idleSettings(settings, chosen.names.length);
  return {
    settings, background, conflict: conflictPolicy,
    effective: Object.fromEntries(Object.entries(settings).filter(([axis]) => !idle.has(axis))),
    recipe: {
      layers: chosen.names, views, fusion, ...edges ? { upsampler } : {}, ...refined ? { refine: { chain, norm: refineNorm } } : {},
    },
  };
}
