import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { VOC, VOC_CLASSES } from '../../../src/datasets/classes/voc.js';

describe('classes', () => {
  it('are the 20 of the devkit, in alphabetical order', () => {
    expect(VOC_CLASSES).toHaveLength(20);
    expect([...VOC_CLASSES]).toEqual([...VOC_CLASSES].sort());
    expect([1, 8, 12, 15, 16, 20].map((label) => VOC.nameOf(label))).toEqual(['aeroplane', 'cat', 'dog', 'person', 'pottedplant', 'tvmonitor']);
    expect(VOC.nameOf(0)).toBe('background');
  });

  it.each([-1, 21, 255, 1.5])('%d has no name', (label) => {
    expect(() => VOC.nameOf(label)).toThrow(RangeError);
  });

  it.each<[string, number]>([
    ['aeroplane', 1], ['Person', 15], ['TVMONITOR', 20], [' dog ', 12], ['dining table', 11], ['potted-plant', 16], ['dining_table', 11],
    ['1', 1], ['20', 20], ['airplane', 1], ['bike', 2], ['motorcycle', 14], ['Couch', 18], ['tv', 20], ['television', 20],
    ['tv/monitor', 20], ['TV / Monitor', 20], ['tv monitor', 20], ['motor bike', 14], ['mbike', 14],
  ])('%j is class %i', (text, index) => {
    expect(VOC.indexOf(text)).toBe(index);
    expect(VOC.require(text)).toBe(index);
  });

  it.each(['', '0', '21', '1.0', '-1', 'background', 'zebra', 'constructor', '__proto__', 'toString', 'monitor', 'plant', 'table', 'sofa/couch'])('%j is none', (text) => {
    expect(VOC.indexOf(text)).toBeUndefined();
    expect(() => VOC.require(text, 'a.txt:3')).toThrow(UserError);
    expect(() => VOC.require(text, 'a.txt:3')).toThrow(`a.txt:3: "${text}" is not a VOC class`);
  });
});
