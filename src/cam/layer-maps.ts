/** The maps of one layer as the CAM program returns them: [K, height, width], not negative, one map per class. */
export interface LayerMaps {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}
