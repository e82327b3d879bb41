import sharp from 'sharp';
import type { PanelResult, PanelTask } from './panel.js';
import { makePanel } from './panel.js';

// The images of a batch are the parallel work.
sharp.concurrency(1);

/** Prepares one image of the gallery in a worker thread. */
export default function panelWorker(task: PanelTask): Promise<PanelResult> {
  return makePanel(task);
}
