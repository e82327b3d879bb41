import type { SeedSettings } from './cam.js';

/** What {@link idleSettings} looks at. */
export type EffectSettings = Pick<SeedSettings, 'layers' | 'method' | 'scaleLayers' | 'scales' | 'flip' | 'refine' | 'conflict'>
  & Partial<Pick<SeedSettings, 'background'>>;

/**
 * The settings that change nothing, given the others, each with what would give it an effect.
 *
 * @param layerCount how many layers are fused, if it is not as many as the settings name
 */
export function idleSettings(settings: EffectSettings, layerCount = settings.layers.length): Map<string, string> {
  const { layers, method, scaleLayers, scales, flip, refine, conflict, background } = settings;
  const [many, several] = [layerCount > 1, scales.length > 1 || flip];
  const scaled = scaleLayers === 'all' || (scaleLayers === 'shallow' && many);
  const uses = (...methods: string[]): boolean => layers.some((layer) => (
    methods.some((name) => layer.endsWith(`@${name}`) || (method === name && !layer.includes('@')))));
  const channelwise = uses('score-cam', 'ablation-cam');
  const rows: [idle: boolean, names: string[], needs: string][] = [
    [!many, ['fuse'], 'several layers'],
    [!many && scaleLayers !== 'all', ['scaleLayers'], 'several layers, or all'],
    [!scaled, ['gamma'], scaleLayers === 'none' ? '--scale-layers shallow or all' : 'several layers, or --scale-layers all'],
    [!several, ['scaleNorm', 'scaleFuse', 'fuseFirst'], 'several scales, or --flip'],
    [['', 'none'].includes(refine.trim()), ['refineNorm'], '--refine'],
    [conflict !== 'ignore', ['conflictMargin'], '--conflict ignore'],
    [!uses('score-cam'), ['scoreCamTopK'], '--method score-cam'],
    [!channelwise, ['scoreCamBatch'], '--method score-cam or ablation-cam'],
    [background !== undefined && background !== 'power', ['alpha'], '--background power'],
    [background !== undefined && background !== 'percentile', ['percentile'], '--background percentile'],
    [background !== undefined && background !== 'per-class', ['classThresholds'], '--background per-class'],
    [background !== undefined && !['constant', 'per-class'].includes(background), ['threshold'], '--background constant or per-class'],
  ];
  return new Map(rows.flatMap(([idle, names, needs]) => (idle ? names.map((name) => [name, needs] as const) : [])));
}
