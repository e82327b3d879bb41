import sharp from 'sharp';
import type { PanelResult, PanelTask } from './panel.js';
import { makePanel } from './panel.js';

// Images are already processed in parallel.
sharp.concurrency(1);

/** Prepares one image of the gallery in a worker thread. */
export default function panelWorker(task: PanelTask): Promise<PanelResult> {
  return makePanel(task);
}
