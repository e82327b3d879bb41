import { describe, expect, it } from 'vitest';
import { DataType } from '../../../src/onnx/tensor.js';
import { loadPickle } from '../../../src/formats/pickle/pickle.js';
import { PickleError } from '../../../src/formats/pickle/values.js';
import { torchPickles, TorchTensor } from '../../../src/formats/weights/torch-pickle.js';

// Pickles in protocol 0, written by hand after the description of the opcodes in Python's pickletools.
const load = (text: string) => loadPickle(Buffer.from(text, 'latin1'), torchPickles);
const storage = (count = 6, type = 'FloatStorage', view = '') => `(S'storage'\nctorch\n${type}\nS'7'\nS'cpu'\nI${count}\n${view}tQ`;
const tuple = (...sizes: number[]) => `(${sizes.map((size) => `I${size}\n`).join('')}t`;
const tensor = (offset: number, shape: number[], strides: number[], kept = storage()) =>
  `ctorch._utils\n_rebuild_tensor\n(${kept}I${offset}\n${tuple(...shape)}${tuple(...strides)}tR`;

describe('PyTorch\'s pickles', () => {
  it.each<[string, string]>([
    ['a tensor of four arguments, as old versions wrote it', `${tensor(1, [2, 2], [2, 1])}.`],
    ['a parameter that is called', `ctorch.nn.parameter\nParameter\n(${tensor(1, [2, 2], [2, 1])}tR.`],
    ['a parameter by NEWOBJ, with its state', `ctorch.nn.parameter\nParameter\n(${tensor(1, [2, 2], [2, 1])}t\x81(I01\nI00\nNtb.`],
    ['a parameter that is rebuilt', `ctorch._utils\n_rebuild_parameter\n(${tensor(1, [2, 2], [2, 1])}I01\nNtR.`],
  ])('%s', (_, text) => {
    const value = load(text) as TorchTensor;
    expect(value).toBeInstanceOf(TorchTensor);
    const { storage: { key, type, count }, offset, shape, strides, span } = value;
    expect({ key, type, count, offset, shape, strides, span }).toEqual({ key: '7', type: DataType.float32, count: 6, offset: 1, shape: [2, 2], strides: [2, 1], span: 4 });
  });

  it('ordered dictionaries of Python 3 and of Python 2, without their attributes', () => {
    const entries = [['a', 1], ['b', 2]];
    expect([...load('ccollections\nOrderedDict\n(tR(S\'a\'\nI1\nS\'b\'\nI2\nu}S\'_metadata\'\nI5\nsb.') as Map<unknown, unknown>]).toEqual(entries);
    expect([...load('ccollections\nOrderedDict\n(((S\'a\'\nI1\nl(S\'b\'\nI2\nlltR.') as Map<unknown, unknown>]).toEqual(entries);
  });

  it.each([
    ['a tensor that ends behind its storage', `${tensor(3, [2, 2], [2, 1])}.`, 'larger than its storage'],
    ['one with a stride that leads out of it', `${tensor(0, [2, 2], [5, 1])}.`, 'larger than its storage'],
    ['one that shows its numbers more often than there are numbers', `${tensor(0, [100, 100], [0, 0])}.`, 'larger than its storage'],
    ['one of sizes whose product is beyond all numbers', `${tensor(0, [2 ** 52, 2 ** 52, 2 ** 52], [0, 0, 0])}.`, 'larger than its storage'],
    ['a negative offset', `${tensor(-1, [1], [1])}.`, 'corrupt'],
    ['a negative size', `${tensor(0, [-1], [1])}.`, 'corrupt'],
    ['a negative stride', `${tensor(0, [2], [-1])}.`, 'corrupt'],
    ['more strides than sizes', `${tensor(0, [2], [1, 1])}.`, 'corrupt'],
    ['a tensor without a storage', `ctorch._utils\n_rebuild_tensor\n(NI0\n${tuple(1)}${tuple(1)}tR.`, 'corrupt'],
    ['a storage of another kind', '(S\'module\'\nctorch\nFloatStorage\nS\'7\'\nS\'cpu\'\nI1\ntQ.', 'corrupt'],
    ['a storage whose type is text', '(S\'storage\'\nS\'FloatStorage\'\nS\'7\'\nS\'cpu\'\nI1\ntQ.', 'corrupt'],
    ['a storage of negative size', `${storage(-1)}.`, 'corrupt'],
    ['a view of a storage', `${storage(6, 'FloatStorage', tuple(1, 2))}.`, 'a view of a storage'],
    ['a storage type that is called', 'ctorch\nFloatStorage\n(tR.', 'corrupt'],
    ['a parameter of no tensor', 'ctorch._utils\n_rebuild_parameter\n(I1\ntR.', 'corrupt'],
    ['state for a function', 'ctorch._utils\n_rebuild_parameter\n(tb.', 'corrupt'],
    ['another name of the same module', 'ctorch._utils\n_rebuild_device_tensor_from_numpy\n.', 'it refers to torch._utils._rebuild_device_tensor_from_numpy, which is refused'],
    ['a class of Python\'s own', 'cargparse\nNamespace\n.', 'it refers to argparse.Namespace, which is refused'],
    ['numpy\'s arrays', 'cnumpy\nndarray\n.', 'it refers to numpy.ndarray, which is refused'],
    ['a function by STACK_GLOBAL', '\x8c\x08builtins\x8c\x04exec\x93.', 'it refers to builtins.exec, which is refused'],
    ['a function by INST', '(S\'x\'\nios\nsystem\n.', 'more than plain values and tensors'],
  ])('%s is refused', (_, text, message) => {
    expect(() => load(text)).toThrow(PickleError);
    expect(() => load(text)).toThrow(message);
  });
});
