import { NetworkGraph } from '../../src/classifier/network.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { DataType, OnnxTensor } from '../../src/onnx/tensor.js';

/** A network whose only layer, of stride 1, is its image with negative values cut off: its pooled features are mean colours. */
export function identityModel(): OnnxModel {
  const b = new GraphBuilder();
  b.reserve('image');
  const w = b.constant(OnnxTensor.float32([3, 3, 1, 1], [1, 0, 0, 0, 1, 0, 0, 0, 1]));
  b.alias(b.relu(b.conv('image', w)), 'colours');
  return {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: 'test', metadata: new Map(),
    graph: {
      name: 'identity', nodes: b.nodes, initializers: b.initializers,
      inputs: [{ name: 'image', type: DataType.float32, shape: ['N', 3, 'H', 'W'] }],
      outputs: [{ name: 'colours', type: DataType.float32, shape: ['N', 3, 'H', 'W'] }],
    },
  };
}

export const identityNetwork = (): NetworkGraph => new NetworkGraph(identityModel(), 'colours');
