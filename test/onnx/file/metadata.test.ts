import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { annotateModel } from '../../../src/onnx/file/metadata.js';
import { readModel } from '../../../src/onnx/file/read.js';
import { repository } from '../../helpers.js';

const fixture = resolve(repository, 'test/fixtures/onnx/attributes.onnx');

let folder: string;
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-metadata-')); });
afterEach(async () => { await rm(folder, { recursive: true }); });

/** A field of the outermost message: a varint tag and a length of one byte each, then the content. */
const field = (number: number, content: Buffer): Buffer => Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
const entry = (key: string, value: string): Buffer => field(14, Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from(value))]));
const entries = async (path: string): Promise<[string, string][]> => [...(await readModel(path)).metadata];

describe('annotateModel', () => {
  it('adds an entry behind a file that is otherwise the same, byte for byte', async () => {
    const target = join(folder, 'out.onnx');
    await annotateModel(fixture, target, new Map([['voc-seeds', '{}']]));
    expect(await readFile(target)).toEqual(Buffer.concat([await readFile(fixture), entry('voc-seeds', '{}')]));
    expect(await entries(target)).toEqual([...await entries(fixture), ['voc-seeds', '{}']]);
  });

  it('replaces an entry and keeps the others', async () => {
    const target = join(folder, 'out.onnx');
    await annotateModel(fixture, target, new Map([['key', 'new'], ['more', 'ü'.repeat(500)]]));
    expect(Object.fromEntries(await entries(target))).toEqual({ key: 'new', names: '["grün", "b"]', empty: '', more: 'ü'.repeat(500) });
    const original = await readFile(fixture);
    const old = entry('key', 'value');
    const at = original.indexOf(old);
    const kept = Buffer.concat([original.subarray(0, at), original.subarray(at + old.length)]);
    expect((await readFile(target)).subarray(0, kept.length)).toEqual(kept);
  });

  it('works in place, and twice gives what once gives', async () => {
    const path = join(folder, 'model.onnx');
    await writeFile(path, await readFile(fixture));
    await annotateModel(path, path, new Map([['a', '1']]));
    const once = await readFile(path);
    await annotateModel(path, path, new Map([['a', '1']]));
    expect(await readFile(path)).toEqual(once);
    expect(await readdir(folder)).toEqual(['model.onnx']);
  });

  it('keeps fields that this program knows nothing of', async () => {
    const path = join(folder, 'model.onnx');
    // Fields 200 (bytes) and 201 (varint), whose tags take two bytes, and field 150 (32 bits).
    const strange = Buffer.from([0xc2, 0x0c, 3, 1, 2, 3, 0xc8, 0x0c, 0x96, 0x01, 0xb5, 0x09, 1, 2, 3, 4]);
    const original = Buffer.concat([strange, await readFile(fixture), strange]);
    await writeFile(path, original);
    await annotateModel(path, path, new Map([['a', '1']]));
    expect(await readFile(path)).toEqual(Buffer.concat([original, entry('a', '1')]));
  });

  it('refuses what is no model, and leaves nothing behind', async () => {
    const original = await readFile(fixture);
    for (const [name, content] of [['text.onnx', Buffer.from('no model at all')], ['cut.onnx', original.subarray(0, original.length - 5)]] as const) {
      const path = join(folder, name);
      await writeFile(path, content);
      await expect(annotateModel(path, path, new Map([['a', '1']]))).rejects.toThrow(UserError);
      await expect(annotateModel(path, path, new Map([['a', '1']]))).rejects.toThrow(name);
      expect(await readFile(path)).toEqual(content);
    }
    expect((await readdir(folder)).sort()).toEqual(['cut.onnx', 'text.onnx']);
  });
});
