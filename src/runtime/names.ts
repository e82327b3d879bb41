/** The names of `--runtime`; what they mean is said at `openRuntime`. */
export const RUNTIME_NAMES = ['auto', 'ort', 'tfjs'] as const;
export type RuntimeName = typeof RUNTIME_NAMES[number];
