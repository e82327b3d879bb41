import { bytesPerElement, DataType, dataTypeName, OnnxTensor } from '../../onnx/tensor.js';
import { WeightsError } from './error.js';

/** The bytes per element. */
export function elementSize(type: DataType): number {
  const size = bytesPerElement(type);
  if (size === undefined) throw new WeightsError(`elements of the type ${dataTypeName(type)} are not supported`);
  return size;
}

/**
 * Decodes little-endian floating-point numbers of a file as 32-bit floats. float64 is rounded. float16 and bfloat16 are
 * converted without loss.
 *
 * @throws {WeightsError} if the elements are not floating-point numbers
 */
export function decodeFloats(type: DataType, bytes: Uint8Array): Float32Array {
  switch (type) {
    case DataType.float32: case DataType.float16:
      return new OnnxTensor([bytes.byteLength / elementSize(type)], type, bytes).toFloat32();
    case DataType.float64: {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const floats = new Float32Array(bytes.byteLength / 8);
      for (let i = 0; i < floats.length; i++) floats[i] = view.getFloat64(8 * i, true);
      return floats;
    }
    case DataType.bfloat16: {
      // A bfloat16 is the upper half of a float32.
      const floats = new Float32Array(bytes.byteLength / 2);
      const halves = new Uint8Array(floats.buffer);
      for (let i = 0; i < floats.length; i++) {
        halves[4 * i + 2] = bytes[2 * i];
        halves[4 * i + 3] = bytes[2 * i + 1];
      }
      return floats;
    }
    default:
      throw new WeightsError(`its elements are of the type ${dataTypeName(type)}, but weights must be floating-point numbers`, 'quantised networks cannot be imported: use the network before quantisation');
  }
}
