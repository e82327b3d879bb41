import { basename, resolve } from 'node:path';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { readClientAssets } from '../run/client.js';
import { openPlace } from '../run/gallery-files.js';
import type { ReportOptions, ReportSummary } from '../run/gallery-files.js';
import { reportPage } from '../run/page.js';
import { runSection } from '../run/run-sections.js';
import { readFaithfulnessRun } from './faithfulness-run.js';
import { confidenceSection, faithfulnessOverview, meanSection } from './faithfulness-sections.js';

/**
 * Writes the report of `faithfulness` as one HTML file: means of all variants, differences, and curves of insertion and deletion. It has
 * no gallery.
 *
 * @throws UserError if there are no results, or if the report cannot be written
 */
export async function writeFaithfulnessReport(options: Pick<ReportOptions, 'run' | 'out' | 'title'>): Promise<ReportSummary> {
  const started = performance.now();
  const run = await readFaithfulnessRun(options.run);
  const { page } = await openPlace({ ...options, singleFile: true }, 0);
  await writeFileAtomic(page, reportPage({
    title: options.title ?? `Faithfulness in ${basename(resolve(run.folder))}`,
    subtitle: `${run.photographs.toLocaleString('en-US')} photographs · ${run.variants.length} ${run.variants.length === 1 ? 'variant' : 'variants'}`,
    overview: faithfulnessOverview(run), remarks: [],
    sections: [
      { id: 'scores', name: 'Scores', html: meanSection(run) },
      { id: 'curves', name: 'Curves', html: confidenceSection(run) },
      { id: 'run', name: 'The run', html: runSection({ record: run.record, folder: run.folder, unseeded: [] }, []) },
    ],
    assets: await readClientAssets(),
  }));
  return {
    page, singleFile: true, images: run.photographs, gallery: 0, problems: [], remarks: [], interrupted: false,
    seconds: Number(((performance.now() - started) / 1000).toFixed(2)),
  };
}
