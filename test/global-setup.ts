import type { TestProject } from 'vitest/node';
import { buildStale } from '../scripts/build.mjs';

/** Tests run src/, but what they start runs dist/, worker threads and the command line: it must be as new as src/. */
export default async function setup(project: TestProject): Promise<void> {
  await buildStale();
  project.onTestsRerun(buildStale);
}
