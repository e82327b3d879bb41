/** The tests of a map's faithfulness, by the names that users type. */
export const TESTS = ['occlusion', 'drop', 'insertion', 'deletion'] as const;
export type TestName = typeof TESTS[number];

/** ImageNet's mean colour: red, green, blue in 0..255. */
export const IMAGENET_MEAN: readonly [number, number, number] = [123.675, 116.28, 103.53];
