import { HostValue, stepsOf, walk } from '../../../onnx/shapes/host-ops.js';
import { intAttribute, stringAttribute, tensorAttribute } from '../../../onnx/model.js';
import { sizeOf } from '../../../onnx/tensor.js';
import type { OperatorCall, OperatorTable, TfOperator } from './helpers/call.js';
import { fromFirst } from './helpers/call.js';

/** For floats. Integers are filled in JavaScript. */
const constantOfShape: TfOperator = (call) => {
  const dims = call.numbers(0);
  return call.result(call.tf.fill(dims, tensorAttribute(call.node, 'value')?.toNumbers()[0] ?? 0), dims);
};

/** Operators that read the shape of a tensor. */
const fromShape: TfOperator = (call) => {
  const [{ dims, values }] = call.outputs;
  return HostValue.of(dims, values!);
};

const oneHot: TfOperator = (call) => {
  const indices = call.host(0);
  const [depth] = call.numbers(1);
  const [off, on] = call.numbers(2);
  const rank = indices.dims.length + 1;
  const axis = fromFirst(intAttribute(call.node, 'axis', -1), rank);
  const dims = [...indices.dims.slice(0, axis), depth, ...indices.dims.slice(axis)];
  const result = new Float32Array(sizeOf(dims)).fill(off);
  const steps = stepsOf(dims);
  walk(indices.dims, steps.filter((_, i) => i !== axis), 0, (position, flat) => {
    const index = fromFirst(indices.data[flat], depth);
    if (index >= 0 && index < depth) result[position + index * steps[axis]] = on;
  });
  return call.floats(dims, result);
};

/** Whether a scatter operator adds its updates, or replaces elements. */
function adds(call: OperatorCall): boolean {
  const reduction = stringAttribute(call.node, 'reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add') call.refuse(`${call.node.op} with reduction ${reduction}`);
  return reduction === 'add';
}

/** Sets or adds updates at indices along one axis. No backend adds at repeated indices, so this is done in JavaScript. */
const scatterElements: TfOperator = (call) => {
  const add = adds(call);
  const { dims } = call.value(0);
  const indices = call.host(1);
  const axis = fromFirst(intAttribute(call.node, 'axis', 0), dims.length);
  if (dims.some((dim, i) => i !== axis && dim !== indices.dims[i])) call.refuse('ScatterElements into only some rows');
  const result = new Float32Array(call.device(0).read());
  const places = Int32Array.from(indices.data);
  scatter(result, places, call.device(2).read(), [sizeOf(dims.slice(0, axis)), dims[axis], sizeOf(dims.slice(axis + 1))], add);
  return call.floats(dims, result);
};

/** @param shape [outer, size, inner] of the result; places and updates differ only in `size` */
function scatter(
  result: Float32Array, places: Int32Array, updates: Float32Array, [outer, size, inner]: readonly [number, number, number], add: boolean,
): void {
  const count = places.length / (outer * inner);
  let flat = 0;
  for (let row = 0; row < outer; row++) {
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < inner; k++, flat++) {
        const place = places[flat];
        const at = (row * size + (place < 0 ? place + size : place)) * inner + k;
        result[at] = add ? result[at] + updates[flat] : updates[flat];
      }
    }
  }
}

/** Sets or adds updates at indices along the first axes. Networks use it for small masks, so it is done in JavaScript. */
const scatterNd: TfOperator = (call) => {
  const add = adds(call);
  const base = call.value(0);
  const { dims } = base;
  const indices = call.host(1);
  const depth = indices.dims[indices.dims.length - 1];
  const [result, updates] = base instanceof HostValue
    ? [base.data.slice(), call.host(2).data]
    : [new Float32Array(base.read()), call.device(2).read()];
  const steps = stepsOf(dims);
  const length = sizeOf(dims.slice(depth));
  for (let place = 0; place * depth < indices.data.length; place++) {
    const index = indices.data.subarray(place * depth, (place + 1) * depth);
    const at = index.reduce((sum, i, axis) => sum + fromFirst(i, dims[axis]) * steps[axis], 0);
    for (let k = 0; k < length; k++) {
      const update = updates[place * length + k];
      result[at + k] = add ? result[at + k] + update : update;
    }
  }
  return result instanceof Float64Array ? new HostValue(dims, result) : call.floats(dims, result);
};

/** Operators that make tensors from shapes and indices. */
export const making: OperatorTable = {
  Shape: fromShape, Size: fromShape,
  ConstantOfShape: constantOfShape,
  Range: (call) => call.evaluated(),
  OneHot: oneHot,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
};
