/** The tests of a map's faithfulness, by the names that users type. */
export const TESTS = ['occlusion', 'drop', 'insertion', 'deletion', 'road'] as const;
export type TestName = typeof TESTS[number];

/** What ROAD does with pixels of equal value: it takes them row by row, or all of them as soon as it takes one. */
export const ROAD_TIES = ['rows', 'together'] as const;
export type RoadTies = typeof ROAD_TIES[number];

/** ImageNet's mean colour: red, green, blue in 0..255. */
export const IMAGENET_MEAN: readonly [number, number, number] = [123.675, 116.28, 103.53];
