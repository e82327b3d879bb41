import { idleSettings } from '../../settings/idle.js';
import type { EffectSettings } from '../../settings/idle.js';
import { flagOf } from '../../settings/load.js';
import type { LabelFlags, MaskFlags } from '../options/devkit-options.js';

/** Flags that change nothing, given the settings: a note on each, for standard error. */
export function idleNotes(given: Readonly<Record<string, unknown>>, settings: EffectSettings): string[] {
  // Of one layer, `all` would still scale it: the other two are a choice.
  return notesOn(given, [...idleSettings(settings)].filter(([name]) => name !== 'scaleLayers'));
}

/** Flags on labels that change nothing, given where the labels come from: a note on each. */
export function idleLabelNotes({ labelFile, difficult, rgbMasks }: LabelFlags & MaskFlags, labels: string): string[] {
  const [kind] = labels.split(':');
  return notesOn({ labelFile, difficult, rgbMasks }, [
    ...kind === 'npy' || kind === 'list' ? [] : [['labelFile', '--labels npy or list'] as const],
    ...kind === 'xml' ? [] : [['difficult', '--labels xml'] as const],
    ...kind === 'masks' ? [] : [['rgbMasks', '--labels masks'] as const],
  ]);
}

function notesOn(given: Readonly<Record<string, unknown>>, idle: readonly (readonly [name: string, needs: string])[]): string[] {
  return idle.filter(([name]) => given[name] !== undefined).map(([name, needs]) => `note: ${flagOf(name)} has no effect here; it needs ${needs}`);
}
