import { describe, expect, it } from 'vitest';
import { parseAlso } from '../../src/cli/options/also-option.js';

describe('parseAlso', () => {
  it.each([
    ['VOC2007,trainval,xml', { vocRoot: 'VOC2007', split: 'trainval', labels: 'xml' }],
    [',more.txt,npy:cls_labels.npy', { split: 'more.txt', labels: 'npy:cls_labels.npy' }],
    ['VOC2007,train', { vocRoot: 'VOC2007', split: 'train' }],
    [',a.txt,list:b,c.txt', { split: 'a.txt', labels: 'list:b,c.txt' }],
  ])('%s', (text, expected) => {
    expect(parseAlso(text)).toEqual([expected]);
  });

  it('gathers repeated ones', () => {
    expect(parseAlso('r,s,masks', parseAlso(',t'))).toEqual([{ split: 't' }, { vocRoot: 'r', split: 's', labels: 'masks' }]);
  });

  it.each([['VOC2007', /Expected root,split,labels/], ['VOC2007,', /Expected root,split,labels/], ['r,s,guess', /Allowed are xml/], ['r,s,xml:f', /take no file/]])('refuses %s', (text, message) => {
    expect(() => parseAlso(text)).toThrow(message);
  });
});
