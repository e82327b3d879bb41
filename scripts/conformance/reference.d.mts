/** What a framework says of one method at one layer. */
export interface ReferenceMap {
  method: string;
  /** How far float32 and a noise of rounding size moved its own maps, relative to the largest value. */
  noise: number;
  /** [K, h, w], not normalised. */
  map: Float32Array;
}

export interface ReferenceLayer {
  /** The stride alias that has to name the layer, such as `/16`; for layers without one any other text. */
  key: string;
  /** The name of the graph's tensor. */
  tensor: string;
  channels: number;
  /** [h, w] */
  shape: [number, number];
  methods: ReferenceMap[];
}

/** What a framework says of a network and one image. */
export interface Reference {
  name: string;
  /** The version of PyTorch or of TensorFlow. */
  torch?: string;
  tensorflow?: string;
  opset: number;
  exporter: 'torchscript' | 'dynamo' | 'tf2onnx';
  /** Whether the exporter fixed the height and width of the image. */
  fixed: boolean;
  /** [height, width] of the image. */
  size: [number, number];
  /** The seed of the image. */
  image: number;
  /** Indices of the K logits. */
  classes: number[];
  logits: Float32Array;
  layers: ReferenceLayer[];
}

/** Reads a JSON file that make.py or make_keras.py wrote. */
export function readReference(path: string): Reference;

/** The image that a reference was made for, as the network takes it: float32 [1, 3, height, width]. */
export function referenceImage(reference: Pick<Reference, 'image' | 'size'>): Float32Array;
