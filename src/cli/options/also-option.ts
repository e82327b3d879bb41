import { InvalidArgumentError } from 'commander';
import type { AlsoTrainOn } from '../../train/workflow/data.js';
import { isDataSpec } from '../../datasets/kinds.js';
import { parseLabelSpec } from '../../datasets/labels/create.js';

/**
 * Parses `--also <root,split,labels>`, which may be repeated. The root is a devkit or KIND:ROOT; an empty root or empty labels mean those of
 * the main lists.
 */
export function parseAlso(text: string, previous: readonly AlsoTrainOn[] = []): AlsoTrainOn[] {
  const [root, split, ...rest] = text.split(',');
  const place = root === '' ? {} : isDataSpec(root) ? { data: root } : { vocRoot: root };
  if (split === undefined || split === '') throw new InvalidArgumentError('Expected root,split,labels, for instance VOCdevkit/VOC2007,trainval,xml.');
  // The name of the label file may contain commas.
  const labels = rest.join(',');
  if (labels !== '') parseLabelSpec(labels);
  return [...previous, { split, ...place, ...(labels !== '' && { labels }) }];
}
