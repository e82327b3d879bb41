"""The Python side of `npm run bench -- pipeline`: from photographs to VOC PNGs, as it is written with PyTorch.

    python3 bench/pipeline_torch.py MODEL.onnx SPEC

SPEC is JSON: the names of three layers from shallow to deep, the preprocessing, the short side of the input, gamma and threshold. For each
line {"way", "crf", "out", "photographs": [{"id", "path", "logits", "labels"}]} on standard input one line with the milliseconds of all
photographs. The ways:

- package: pytorch-grad-cam's LayerCAM, called for each class and layer, in one process with all threads;
- hooks: one forward pass, one backward pass per class for all layers, from the shallowest layer only; a process per processor with one
  thread each, which also reads, fuses and writes.

Both fuse by the maximum and have one threshold. With "crf", the seeds go through the dense CRF of pydensecrf2 with the settings of IRN's
code. It needs torch, onnx, OpenCV, Pillow, grad-cam and pydensecrf2.
"""
import json
import multiprocessing
import os
import sys
import time

import cv2
import numpy as np
import torch
from PIL import Image

from torch_network import Network

path, spec = sys.argv[1], json.loads(sys.argv[2])
layers, side, gamma, threshold = spec['layers'], spec['side'], spec['gamma'], spec['threshold']
processors = len(os.sched_getaffinity(0))


def palette():
    """VOC's colours: of each three bits of the label, from the lowest, one is for red, green and blue, the highest bit first."""
    return [sum(((label >> (3 * bit + channel)) & 1) << (7 - bit) for bit in range(3)) for label in range(256) for channel in range(3)]


PALETTE = palette()


def load(photograph):
    """The photograph [H, W, 3] and the network's input [1, 3, h, w]."""
    photo = Image.open(photograph['path']).convert('RGB')
    scale = side / min(photo.size)
    small = photo.resize([max(1, round(length * scale)) for length in photo.size], Image.BICUBIC)
    pixels = np.asarray(small, np.float32)
    pixels = pixels[..., ::-1] if spec['channelOrder'] == 'bgr' else pixels
    x = (pixels * np.float32(spec['scale']) - np.float32(spec['mean'])) / np.float32(spec['std'])
    return np.asarray(photo), torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)[None]))


def fused(maps, shape):
    """Each layer by its maximum, all but the deepest scaled by tanh, at the size of the photograph; their maximum."""
    result = None
    for i, m in enumerate(maps):
        m = m / max(m.max(), 1e-12)
        m = np.tanh(gamma * m) if i + 1 < len(maps) else m
        m = cv2.resize(m, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
        result = m if result is None else np.maximum(result, m)
    return result / max(result.max(), 1e-12)


def refine(photo, indices, count):
    """IRN's crf_inference_label."""
    import pydensecrf.densecrf as dcrf
    from pydensecrf.utils import unary_from_labels
    height, width = indices.shape
    crf = dcrf.DenseCRF2D(width, height, count)
    crf.setUnaryEnergy(unary_from_labels(indices, count, gt_prob=0.7, zero_unsure=False))
    crf.addPairwiseGaussian(sxy=3, compat=3)
    crf.addPairwiseBilateral(sxy=50, srgb=5, rgbim=np.array(photo), compat=10)
    return np.argmax(np.array(crf.inference(10)).reshape(count, height, width), 0)


def write(photo, maps, photograph, crf, out):
    indices = np.argmax(np.concatenate([np.full((1, *photo.shape[:2]), threshold, np.float32), maps]), 0)
    if crf:
        indices = refine(photo, indices, len(maps) + 1)
    image = Image.fromarray(np.array([0, *photograph['labels']], np.uint8)[indices])
    image.putpalette(PALETTE)
    image.save(os.path.join(out, photograph['id'] + '.png'))


class Model(torch.nn.Module):
    """The network, with modules at the layers that pytorch-grad-cam can put its hooks on."""

    def __init__(self):
        super().__init__()
        self.network = Network(path)
        self.layers = torch.nn.ModuleList(torch.nn.Identity() for _ in layers)
        self.network.points.update(zip(layers, self.layers))
        # pytorch-grad-cam asks the first parameter for its device.
        self.none = torch.nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, x):
        return self.network.forward(x)[self.network.output]


def by_package(photographs, crf, out):
    for photograph in photographs:
        photo, x = load(photograph)
        maps = []
        for logit in photograph['logits']:
            target = [ClassifierOutputTarget(logit)]
            maps.append(fused([cam(x.clone().requires_grad_(), target)[0] for cam in extractors], photo.shape))
        write(photo, np.stack(maps), photograph, crf, out)


kept = {}


def keeper(name, first):
    def keep(y):
        y = y.detach().requires_grad_() if first else y
        kept[name] = y
        return y
    return keep


def start_worker():
    global network
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    network = Network(path)
    network.points.update({name: keeper(name, name == layers[0]) for name in layers})


def by_hooks(task):
    photograph, crf, out = task
    photo, x = load(photograph)
    logits = network.forward(x)[network.output]
    points = [kept[name] for name in layers]
    maps = []
    for k, logit in enumerate(photograph['logits']):
        gradients = torch.autograd.grad(logits[0, logit], points, retain_graph=k + 1 < len(photograph['logits']))
        small = [((g.clamp(min=0) * a.detach()).sum(1)).clamp(min=0)[0].numpy() for g, a in zip(gradients, points)]
        maps.append(fused(small, photo.shape))
    write(photo, np.stack(maps), photograph, crf, out)


if __name__ == '__main__':
    pool = multiprocessing.get_context('spawn').Pool(processors, start_worker)
    from pytorch_grad_cam import LayerCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    torch.set_num_threads(processors)
    model = Model().eval()
    extractors = [LayerCAM(model=model, target_layers=[layer]) for layer in model.layers]
    print('ready', flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        start = time.perf_counter()
        if task['way'] == 'package':
            by_package(task['photographs'], task['crf'], task['out'])
        else:
            for _ in pool.imap_unordered(by_hooks, [(photograph, task['crf'], task['out']) for photograph in task['photographs']]):
                pass
        print(json.dumps({'ms': 1000 * (time.perf_counter() - start)}), flush=True)
    pool.terminate()
