import { idleSettings } from '../config/idle.js';
import type { EffectSettings } from '../config/idle.js';
import { flagOf } from '../config/load.js';
import type { LabelFlags, MaskFlags } from './devkit-options.js';

/** Flags that change nothing, given the settings: a note on each, for standard error. */
export function idleNotes(given: Readonly<Record<string, unknown>>, settings: EffectSettings): string[] {
  return notesOn(given, [...idleSettings(settings)]);
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
