import type { OnnxValueInfo } from '../../onnx/model.js';
import { dataTypeName } from '../../onnx/tensor.js';

/** `input: float32 [N, 3, H, W]` */
export function describeValue({ name, type, shape }: OnnxValueInfo): string {
  return `${name}: ${dataTypeName(type)} [${shape?.map((dim) => dim ?? '?').join(', ') ?? '?'}]`;
}
