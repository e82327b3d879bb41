import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { DataType, dataTypeName } from '../../../src/onnx/tensor.js';
import { withWeights } from '../../../src/formats/weights/open.js';
import { fixture, weightsFixture } from './fixtures.js';

interface Expected { shape: number[]; dtype: string; values: number[] }
const expected = JSON.parse(await readFile(fixture('tensors.json'), 'utf8')) as Record<string, Expected>;
const floats = ['float32', 'float64', 'float16', 'bfloat16'];

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-weights-')); });
afterAll(() => rm(folder, { recursive: true }));

/** The message and the hint with which some bytes, or a file, are refused. */
async function refusal(source: string | Uint8Array): Promise<string> {
  let path = source as string;
  if (typeof source !== 'string') {
    path = join(folder, 'file');
    await writeFile(path, source);
  }
  const error: unknown = await withWeights(path, () => Promise.resolve()).then(() => undefined, (thrown: unknown) => thrown);
  if (!(error instanceof UserError)) throw new Error(`expected was a UserError, not ${String(error)}`);
  expect(error.message).toContain(path);
  return `${error.message}\n${error.hint ?? ''}`;
}

describe('tensors of every type and layout', () => {
  it.each([
    ['tensors.safetensors', 'safetensors', Object.keys(expected).filter((name) => !/transposed|channels_last|slice|tail|repeated|parameter/.test(name))],
    ['tensors.pth', 'PyTorch', Object.keys(expected)],
    ['tensors_legacy.pth', 'PyTorch, before 1.6', Object.keys(expected)],
  ])('%s', async (file, format, names) => {
    await withWeights(fixture(file), async (weights) => {
      const [{ tensors, wrapper }] = weights.dictionaries;
      expect([weights.format, weights.dictionaries.length, wrapper]).toEqual([format, 1, undefined]);
      expect([...tensors.keys()].sort()).toEqual([...names].sort());
      for (const name of names) {
        const tensor = tensors.get(name)!;
        const { shape, dtype, values } = expected[name];
        expect([name, tensor.shape, dataTypeName(tensor.type)]).toEqual([name, shape, dtype]);
        if (floats.includes(dtype)) expect([name, ...await tensor.read()]).toEqual([name, ...values.map(Math.fround)]);
        else await expect(tensor.read()).rejects.toThrow(`its elements are of the type ${dtype}`);
      }
    });
  });

  it('a zip archive with 64-bit sizes', async () => {
    const archive = await readFile(fixture('zip64.pth'));
    expect(archive.includes(Buffer.from('PK\x06\x06', 'latin1'))).toBe(true);
    expect(await withWeights(fixture('zip64.pth'), ({ dictionaries: [{ tensors }] }) => tensors.get('a')!.read())).toEqual(Float32Array.of(0, 1, 2));
  });
});

describe('wrappers', () => {
  it('a training program\'s dictionary: the optimiser\'s state is passed over', async () => {
    const dictionaries = await withWeights(fixture('vgg16.pth'), (weights) => Promise.resolve(weights.dictionaries.map(({ wrapper, tensors }) => [wrapper, ...tensors.keys()])));
    expect(dictionaries).toHaveLength(1);
    expect(dictionaries[0].slice(0, 3)).toEqual(['state_dict', 'module.features.0.weight', 'module.features.0.bias']);
    expect(dictionaries[0]).toHaveLength(1 + 2 * (13 + 3));
  });
});

/** A safetensors file of a header and so many bytes of zeros. */
function safetensors(header: unknown, bytes: number, length?: bigint): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([start, text, Buffer.alloc(bytes)]);
}

describe('safetensors that break the rules', () => {
  const f32 = (shape: unknown, start: unknown, end: unknown) => ({ dtype: 'F32', shape, data_offsets: [start, end] });

  it.each<[string, unknown, number, string]>([
    ['overlapping tensors', { a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12, '\'b\' starts at byte 4, inside the tensor before it'],
    ['the same bytes twice', { a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4, '\'b\' starts at byte 0, inside the tensor before it'],
    ['a gap', { a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12, '\'b\' starts at byte 8, after a gap'],
    ['bytes of no tensor', { a: f32([1], 0, 4) }, 6, '2 bytes belong to no tensor'],
    ['too few bytes', { a: f32([2], 0, 8) }, 4, 'it is cut short'],
    ['a range of another size', { a: f32([3], 0, 8) }, 8, '\'a\' has 8 bytes, but F32 [3] takes 12'],
    ['a range that runs backwards', { a: f32([1], 8, 4) }, 8, '\'a\' has -4 bytes'],
    ['a negative offset', { a: f32([1], -4, 0) }, 4, '\'a\' has no two data_offsets'],
    ['a fractional shape', { a: f32([0.5], 0, 2) }, 2, '\'a\' has no shape of whole numbers'],
    ['a negative shape', { a: f32([-1], 0, 4) }, 4, '\'a\' has no shape of whole numbers'],
    ['a shape beyond all numbers', { a: f32([2 ** 40, 2 ** 40], 0, 4) }, 4, '\'a\' has 4 bytes, but F32'],
    ['no dtype', { a: { shape: [1], data_offsets: [0, 4] } }, 4, '\'a\' has no dtype'],
    ['an unknown dtype', { a: { dtype: 'F8_E4M3', shape: [4], data_offsets: [0, 4] } }, 4, '\'a\' has the dtype F8_E4M3, which is not supported'],
    ['a dtype that every object has', { a: { dtype: 'constructor', shape: [4], data_offsets: [0, 4] } }, 4, 'has the dtype constructor, which is not supported'],
    ['an entry that is null', { a: null }, 0, '\'a\' has no dtype'],
    ['a header that is not JSON', '{"a":', 0, 'its header is not JSON'],
  ])('%s', async (_, header, bytes, message) => {
    expect(await refusal(safetensors(header, bytes))).toContain(message);
  });

  it('a header that is longer than the file, or than the format allows', async () => {
    expect(await refusal(safetensors({}, 0, 1000n))).toContain('it is cut short');
    expect(await refusal(safetensors({}, 0, 100_000_001n))).toContain('its header takes 100000001 bytes, more than safetensors allows');
    expect(await refusal(safetensors({}, 0, 2n ** 63n))).toContain('more than safetensors allows');
  });

  it('a header that is nested deep, or longer than those of real files', async () => {
    const start = performance.now();
    expect(await refusal(safetensors(`{"a":${'['.repeat(2 ** 23)}`, 0))).toContain('its header is wrong: it is nested too deeply');
    expect(await refusal(safetensors(`{"a\\"[[[[":${JSON.stringify(f32([1], 0, 4))},"__proto__":${JSON.stringify(f32([1], 4, 8))}}`, 4))).toContain('it is cut short');
    expect(await refusal(safetensors(' '.repeat(2 ** 24 + 1).replace(' ', '{'), 0))).toContain('its header takes 16777217 bytes, more than the limit of 16777216');
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('tensors called like what every object has', async () => {
    const path = join(folder, 'names');
    const names = ['__proto__', 'constructor', 'toString'];
    await writeFile(path, safetensors(`{${names.map((name, i) => `"${name}":${JSON.stringify(f32([1], 4 * i, 4 * i + 4))}`).join()}}`, 12));
    expect(await withWeights(path, ({ dictionaries: [{ tensors }] }) => Promise.resolve([...tensors.keys()]))).toEqual(names);
  });

  it('cut short', async () => {
    const whole = await readFile(fixture('tensors.safetensors'));
    for (let length = 0; length < whole.length; length += 7) expect(await refusal(whole.subarray(0, length))).toMatch(/it is (cut short|empty)/);
  });
});

describe('checkpoints that are refused', () => {
  it('what a pickle would run', async () => {
    const spy = vi.spyOn(process.stdout, 'write');
    for (const file of ['os_system.pth', 'os_system_legacy.pth']) {
      const message = await refusal(fixture(file));
      expect(message).toMatch(/it refers to (posix|nt)\.system, which is refused: only plain values and tensors are supported/);
      expect(message).toContain('torch.save(model.state_dict()');
    }
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  });

  it.each([
    ['module.pth', 'it refers to torch.nn.modules.linear.Linear, which is refused'],
    ['scripted.pt', 'it is a TorchScript program, not a checkpoint'],
    ['sparse.pth', 'it refers to torch._utils._rebuild_sparse_tensor, which is refused'],
    ['expanded.pth', 'it contains a tensor that is larger than its storage'],
    ['compressed.pth', 'is compressed, but torch.save writes without compression'],
    ['other.zip', 'it is a zip archive, but not a PyTorch checkpoint'],
    ['no_tensors.pth', 'it contains no dictionary of tensors: its keys are epoch, lr'],
    ['a_list.pth', 'it contains no dictionary of tensors'],
  ])('%s', async (file, message) => {
    expect(await refusal(fixture(file))).toContain(message);
  });

  it.each(['small.pth', 'tensors_legacy.pth'])('%s cut short', async (file) => {
    const whole = await weightsFixture(file);
    for (let length = 1; length < whole.length; length += file === 'small.pth' ? 9 : 41) {
      expect(await refusal(whole.subarray(0, length)), `${length} bytes`).toMatch(/it is cut short/);
    }
  });

  // Places are those of PKWARE's APPNOTE.TXT, 4.3.12 and 4.3.16, and of pickletools' listing.
  it('zip archives whose directory is wrong', async () => {
    const whole = await weightsFixture('small.pth');
    const end = whole.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
    const directory = whole.readUInt32LE(end + 16);
    const changed = (edit: (copy: Buffer) => void): Buffer => {
      const copy = Buffer.from(whole);
      edit(copy);
      return copy;
    };
    expect(await refusal(changed((copy) => copy.writeUInt32LE(0, directory)))).toContain('corrupt zip archive');
    expect(await refusal(changed((copy) => copy.writeUInt16LE(1, directory + 8)))).toContain('is encrypted');
    expect(await refusal(changed((copy) => copy.writeUInt16LE(8, directory + 10)))).toContain('is compressed');
    expect(await refusal(changed((copy) => copy.writeUInt32LE(5, directory + 20)))).toContain('corrupt zip archive');
    expect(await refusal(changed((copy) => copy.writeUInt16LE(0xffff, directory + 28)))).toContain('corrupt zip archive');
    expect(await refusal(changed((copy) => copy.writeUInt32LE(7, directory + 42)))).toContain('corrupt zip archive');
    expect(await refusal(changed((copy) => copy.writeUInt32LE(0xfffffff0, directory + 42)))).toContain('it is cut short');
    expect(await refusal(changed((copy) => copy.writeUInt32LE(0xffffffff, directory + 42)))).toContain('corrupt zip archive');
  });

  it('a zip archive that lists each of its files a thousand times', async () => {
    const whole = await weightsFixture('small.pth');
    const end = whole.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
    const [size, offset] = [whole.readUInt32LE(end + 12), whole.readUInt32LE(end + 16)];
    const directory = whole.subarray(offset, offset + size);
    const copies = Math.ceil(2 ** 17 / whole.readUInt16LE(end + 10)) + 1;
    const tail = Buffer.from(whole.subarray(end));
    tail.writeUInt32LE(size * copies, 12);
    const start = performance.now();
    expect(await refusal(Buffer.concat([whole.subarray(0, offset), ...Array.from({ length: copies }, () => directory), tail]))).toContain('two files named');
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it('far more reading than there is in the file, as of tensors that lie over one another', async () => {
    const path = join(folder, 'read-again');
    await writeFile(path, safetensors({ a: { dtype: 'F32', shape: [2 ** 20], data_offsets: [0, 2 ** 22] } }, 2 ** 22));
    let reads = 0;
    const error: unknown = await withWeights(path, async ({ dictionaries: [{ tensors }] }) => {
      for (; reads < 100; reads++) await tensors.get('a')!.read();
    }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toContain('its tensors overlap: together they take more than 8 times the size of the file');
    // Eight times the file and 16 MiB.
    expect(reads).toBe(12);
  });

  it('a storage of another size than the pickle says', async () => {
    const legacy = await weightsFixture('tensors_legacy.pth');
    // The number of elements of the storage whose first three are 0, -0 and 1.
    const count = legacy.indexOf(Buffer.from('0c00000000000000' + '00000000' + '00000080' + '0000803f', 'hex'));
    expect(count).toBeGreaterThan(0);
    for (const wrong of [-1n, 11n, 2n ** 60n]) {
      const copy = Buffer.from(legacy);
      copy.writeBigInt64LE(wrong, count);
      expect(await refusal(copy)).toContain('it is corrupt');
    }
  });
});

describe('files that are something else', () => {
  it.each<[string, Uint8Array, string]>([
    ['nothing', Buffer.alloc(0), 'it is empty'],
    ['a tar archive', tar(), 'a tar archive, as written by the first versions of PyTorch'],
    ['a pointer of Git LFS', Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\n'), 'git lfs pull'],
    ['HDF5', Buffer.from('\x89HDF\r\n\x1a\n and so on', 'latin1'), 'an HDF5 file, as written by Keras'],
    ['a plain pickle', Buffer.from('\x80\x04}\x94.          ', 'latin1'), 'a pickle, but not a PyTorch checkpoint'],
    ['text', Buffer.from('these are no weights'), 'neither a safetensors file nor a PyTorch checkpoint'],
  ])('%s', async (_, bytes, message) => {
    expect(await refusal(bytes)).toContain(message);
  });

  it('no file at all', async () => {
    expect(await refusal(join(folder, 'nowhere.pth'))).toContain('do not exist');
    expect(await refusal(folder)).toMatch(/it is not a file|EISDIR/);
  });

  it('hands on what its user throws', async () => {
    await expect(withWeights(fixture('small.pth'), () => Promise.reject(new TypeError('mine')))).rejects.toThrow(new TypeError('mine'));
  });
});

function tar(): Uint8Array {
  const header = Buffer.alloc(1024);
  header.write('storages');
  header.write('ustar', 257);
  return header;
}

it('bfloat16 is the upper half of a float32', async () => {
  const path = join(folder, 'bf16');
  const file = Buffer.from(safetensors({ a: { dtype: 'BF16', shape: [2], data_offsets: [0, 4] } }, 4));
  file.writeUInt16LE(0x3f80, file.length - 4);
  file.writeUInt16LE(0xc049, file.length - 2);
  await writeFile(path, file);
  await withWeights(path, async ({ dictionaries: [{ tensors }] }) => {
    expect(tensors.get('a')!.type).toBe(DataType.bfloat16);
    expect([...await tensors.get('a')!.read()]).toEqual([1, -3.140625]);
  });
});
