/** Builds what is older than its sources. */
export function buildStale(): Promise<void>;
