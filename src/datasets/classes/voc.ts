import { ClassSet } from './class-set.js';

/** The 20 classes of PASCAL VOC in the official order; the label of `VOC_CLASSES[i]` is i + 1, and 0 is the background. */
export const VOC_CLASSES = [
  'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow',
  'diningtable', 'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor',
] as const;

/** PASCAL VOC, with the names of the same classes in other data sets (ImageNet, COCO) and papers as aliases. */
export const VOC = new ClassSet({
  name: 'voc', classes: VOC_CLASSES,
  aliases: {
    airplane: 'aeroplane', bike: 'bicycle', motorcycle: 'motorbike', mbike: 'motorbike', couch: 'sofa',
    tv: 'tvmonitor', television: 'tvmonitor', televisionmonitor: 'tvmonitor',
  },
});
