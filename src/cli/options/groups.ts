/** Headings of flags in `--help`. Those of settings are named where the settings are declared. */
export const GROUPS = {
  settings: 'Settings:', input: 'Input:', classifier: 'Classifier:', output: 'Output:', running: 'Running:', others: 'Options:',
} as const;
