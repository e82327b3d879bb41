import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { DataType, OnnxTensor } from '../../src/onnx/tensor.js';

describe('GraphBuilder', () => {
  it('leaves the graph it builds on as it is, and takes none of its names', () => {
    const base = {
      nodes: [{ name: '', op: 'Relu', domain: '', inputs: ['x'], outputs: ['Add_0'], attributes: {} }],
      initializers: new Map([['const_0', OnnxTensor.float32([1], [1])]]),
      inputs: [{ name: 'x', type: DataType.float32, shape: [1] }],
    };
    const b = new GraphBuilder(base);
    expect(b.add('Add_0', b.floats(3))).not.toBe('Add_0');
    expect([base.nodes.length, base.initializers.size]).toEqual([1, 1]);
    expect([b.nodes.length, b.initializers.size]).toEqual([2, 2]);
    expect(new Set(b.nodes.flatMap(({ outputs }) => outputs)).size).toBe(2);
    for (const name of ['x', 'const_0', 'Add_0']) expect(() => b.reserve(name)).toThrow(name);
  });

  it('gives no node a name that another node has', () => {
    const cast = { name: 'Cast_0', op: 'Cast', domain: '', inputs: ['x'], outputs: ['y'], attributes: { to: { kind: 'int' as const, value: DataType.int64 } } };
    const b = new GraphBuilder({ nodes: [cast], initializers: new Map(), inputs: [{ name: 'x', type: DataType.float32, shape: [1] }] });
    b.node('Cast', ['y'], { to: DataType.float32 });
    expect(new Set(b.nodes.map(({ name }) => name)).size).toBe(2);
  });

  it('shares equal small constants, by value, type and shape', () => {
    const b = new GraphBuilder();
    expect(b.ints([1, 2])).toBe(b.ints([1, 2]));
    const different = [b.floats(0), b.floats(-0), b.floats([0]), b.ints(0), b.ints([0]), b.floats([1, 2]), b.floats([1, 2], [1, 2]), b.ints([1, 2])];
    expect(new Set(different).size).toBe(different.length);
  });

  it('writes attributes with ONNX\'s kinds and leaves out those not given', () => {
    const b = new GraphBuilder();
    b.node('Any', ['x'], { i: 2, f: { float: 2 }, s: 'text', list: [1, 2], none: undefined });
    expect(b.nodes[0].attributes).toEqual({
      i: { kind: 'int', value: 2 }, f: { kind: 'float', value: 2 }, s: { kind: 'string', value: 'text' }, list: { kind: 'ints', value: [1, 2] },
    });
  });

  it('a sum or a join of one is that one', () => {
    const b = new GraphBuilder();
    expect([b.sum(['x']), b.concat(['x'], 0)]).toEqual(['x', 'x']);
    expect(b.nodes).toEqual([]);
  });
});
