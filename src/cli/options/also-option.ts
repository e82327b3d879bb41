import { InvalidArgumentError } from 'commander';
import type { AlsoTrainOn } from '../../train/workflow/data.js';
import { parseLabelSpec } from '../../datasets/labels/create.js';

/** Parses `--also <root,split,labels>`, which may be repeated. An empty root or empty labels mean those of the main lists. */
export function parseAlso(text: string, previous: readonly AlsoTrainOn[] = []): AlsoTrainOn[] {
  const [vocRoot, split, ...rest] = text.split(',');
  if (split === undefined || split === '') throw new InvalidArgumentError('Expected root,split,labels, for instance VOCdevkit/VOC2007,trainval,xml.');
  // The name of the label file may contain commas.
  const labels = rest.join(',');
  if (labels !== '') parseLabelSpec(labels);
  return [...previous, { split, ...(vocRoot !== '' && { vocRoot }), ...(labels !== '' && { labels }) }];
}
