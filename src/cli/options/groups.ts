/** The headings in `--help`. Settings declare their own. */
export const GROUPS = {
  settings: 'Settings:', input: 'Input:', classifier: 'Classifier:', output: 'Output:', running: 'Running:',
} as const;
