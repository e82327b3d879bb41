import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { openCam, prepareCam } from '../../src/cam/plan.js';
import { toTensor } from '../../src/image/normalise.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { parseModel, readModel } from '../../src/onnx/file/read.js';
import { DataType } from '../../src/onnx/tensor.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { loadCase } from '../fixtures/load.js';
import { camRequests, hasShared, relativeError, shared } from '../helpers.js';

/** Runs the forward pass alone and returns one of its tensors. */
async function forward(model: OnnxModel, input: string, dims: readonly number[], data: Float32Array, wanted: string) {
  const outputs = [{ name: wanted, type: DataType.float32, shape: undefined }];
  const session = await ortRuntime.load(serializeModel({ ...model, graph: { ...model.graph, outputs } }), { threads: 1 });
  const result = (await session.run({ [input]: { type: 'float32', dims, data } }))[wanted];
  await session.release();
  return { dims: result.dims, data: result.data as Float32Array };
}

/**
 * Below global average pooling and a linear head the gradient of logit c is w_ck / (h w) everywhere in channel k, so
 * LayerCAM is a CAM with its negative weights left out: M_c = sum_k ReLU(w_ck) A_k / (h w).
 *
 * @param weights of logit c by channel
 */
function closedForm(weights: ArrayLike<number>, activation: Float32Array, area: number): Float32Array {
  const map = new Float64Array(area);
  for (let k = 0; k < weights.length; k++) {
    const weight = Math.max(weights[k], 0) / area;
    for (let i = 0; i < area; i++) map[i] += weight * activation[k * area + i];
  }
  return Float32Array.from(map);
}

interface Image { dims: readonly number[]; data: Float32Array }

async function check(model: OnnxModel, layer: string, image: Image, classes: readonly number[]): Promise<void> {
  const classifier = new ClassifierGraph(model, 'logits');
  const layers = classifier.resolveLayers([layer]);
  const program = await openCam(prepareCam(classifier, camRequests(layers)), ortRuntime, { threads: 1 });
  const [, , height, width] = image.dims;
  const { maps: [maps] } = await program.run(image.data, [height, width], classes);
  await program.release();
  const activation = await forward(model, classifier.input.name, image.dims, image.data, layer);
  const [, channels, h, w] = activation.dims;
  // A linear layer's weights and those of a 1x1 convolution are [classes, channels] alike.
  const weights = model.graph.initializers.get(lastWeights(model))!.toFloat32();
  expect([maps.height, maps.width]).toEqual([h, w]);
  classes.forEach((c, k) => {
    const expected = closedForm(weights.subarray(c * channels, (c + 1) * channels), activation.data, h * w);
    expect(Math.max(...expected)).toBeGreaterThan(0);
    expect(relativeError(maps.data.subarray(k * h * w, (k + 1) * h * w), expected), `class ${c}`).toBeLessThan(1e-5);
  });
}

/** The weights of the last layer that has any. */
function lastWeights(model: OnnxModel): string {
  return model.graph.nodes.findLast(({ op }) => op === 'Gemm' || op === 'Conv')!.inputs[1];
}

describe('the last layer\'s LayerCAM map is the closed form sum_k ReLU(w_k) A_k / (h w)', () => {
  for (const [name, layer] of [['resnet-like', 'feat_c'], ['googlenet-like', 'feat_c'], ['mobilenet-v1-like', 'feat_c'], ['mobilenet-v2-like', 'feat_e']]) {
    const { modelPath, runs } = loadCase(name);
    it(`${name}, ${layer}`, async () => {
      const model = parseModel(readFileSync(modelPath));
      for (const { shape, input } of runs) await check(model, layer, { dims: shape, data: input }, [0, 1, 2, 3, 4]);
    });
  }
});

describe.skipIf(!hasShared)('the closed form holds for a real classifier on a photograph', () => {
  it('mobilenet_v1_imagenet.onnx, 26_conv', async () => {
    const model = await readModel(resolve(shared, 'models/mobilenet_v1_imagenet.onnx'));
    const photo = resolve(shared, 'voc/VOCdevkit/VOC2012/JPEGImages/2007_000033.jpg');
    const { data, info } = await sharp(photo).resize({ width: 224 }).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const half = [1, 1, 1] as const;
    const image = toTensor(data, [info.height, info.width], { channelOrder: 'rgb', scale: 1 / 127.5, mean: half, std: half });
    // 405: airliner; the others belong to other pictures.
    await check(model, '26_conv', { dims: [1, 3, info.height, info.width], data: image }, [405, 152, 1000]);
  });
});
