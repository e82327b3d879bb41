/** What each command does, in the order of the help text. */
export const SUMMARIES = {
  generate: 'Make seeds: compute maps of the classes in each image (LayerCAM by default), fuse and threshold them, and write VOC label PNGs.',
  eval: 'Score masks against ground truth: mean IoU, and IoU by class or image.',
  merge: 'Merge the parts of a run: write one run.json for generate --shard, or add up the scores of eval --shard.',
  ablate: 'Score a grid of variants (layers, methods, fusion, scales, refiners, backgrounds) over all thresholds in one pass over the images.',
  faithfulness: 'Test whether maps show what a classifier looks at: occlude, fade, insert and delete the pixels that they highlight, and see what is left of the class.',
  localize: 'Find objects: boxes around the maps of classes, and their scores against true boxes (loc1, loc5, GT-known, MaxBoxAcc).',
  report: 'Write the report of a run of generate, localize or faithfulness as a web page: scores, charts, and a gallery of its images.',
  export: 'Export seeds for the next program: a devkit with photographs, MS COCO, YOLO, Hugging Face, CAMs for IRN and PSA.',
  pipeline: 'Make pseudo-labels in stages: seeds, a segmentation student trained on them, its labels, scores, a report.',
  cam: 'Show where a classifier sees a class in a photograph, as a heat map over it.',
  train: 'Train a classifier from image-level labels, or a segmentation student from seeds, with any ONNX backbone.',
  prototypes: 'Fit prototypes of a classifier\'s classes to photographs with image-level labels, for --method prototype-cam.',
  labels: 'Print the image-level labels of a split, or the differences between two label sources.',
  model: 'Inspect or annotate an ONNX classifier, make its feature maps finer, save its CAM program, or create one from trained weights.',
  config: 'Print the presets, or the JSON Schema of settings files.',
  doctor: 'Show which runtimes and devices work on this machine, and how to get the others.',
} as const;

export type CommandName = keyof typeof SUMMARIES;
