/** The names of `--runtime`, see `openRuntime`. */
export const RUNTIME_NAMES = ['auto', 'ort', 'tfjs'] as const;
export type RuntimeName = typeof RUNTIME_NAMES[number];
