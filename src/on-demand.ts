import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/**
 * A package that is loaded when it is first used, because it is native, or large and not always needed. `require` also takes
 * half the time of `import` for a package of many CommonJS files.
 */
export function onDemand<T>(name: string): () => T {
  let loaded: T | undefined;
  return () => loaded ??= require(name) as T;
}
