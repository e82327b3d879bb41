import { VOC } from './classes/voc.js';
import type { DataSet, DataSetOptions } from './data-set.js';
import { openDevkit } from './devkit.js';
import { readSplit } from './splits.js';

/**
 * Opens one year of the VOC devkit, or another data set with its folders: see {@link openDevkit} and {@link readSplit}. Its classes are
 * those of VOC if no others are given. Its labels come from `--labels`.
 *
 * @throws UserError if it is not a devkit
 */
export async function openVoc(root: string, { classes = VOC, maskDir }: DataSetOptions = {}): Promise<DataSet> {
  const devkit = await openDevkit(root, { maskDir });
  return {
    name: `voc:${devkit.root}`, root: devkit.root, imageDir: devkit.imageDir, truthPlace: devkit.maskDir, devkit,
    inputs: [devkit.root, devkit.imageDir, devkit.maskDir, devkit.annotationDir], hasLabels: false,
    readSplit: (nameOrPath) => readSplit(devkit, nameOrPath, classes),
  };
}
