"""Networks for the checks of devices, and PyTorch's side of their benchmark.

    python3 networks.py export FOLDER [--size 224]
    python3 networks.py rates FOLDER OUT.json --device cuda --model CLASSIFIER.onnx [--size 448] [--batches 1,8,32]

`export` writes FOLDER/<name>.onnx of torchvision's networks with random weights. `rates` measures LayerCAM of three layers by hooks, from
images in the memory of the processor to maps there: one forward pass for the batch, and one backward pass per class that begins at
the shallowest layer. Needs torch, torchvision and onnx.
"""
import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torchvision
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2] / 'bench'))
from torch_network import Network, randomise  # noqa: E402


def vgg16():
    # Without the last pooling, as weakly supervised segmentation uses it: relu5_3 at stride 16.
    body = torchvision.models.vgg16(weights=None).features[:30]
    return nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 20))


def standard(name, **options):
    return lambda: torchvision.models.get_model(name, weights=None, num_classes=20, **options)


MAKERS = {
    'resnet50': standard('resnet50'), 'vgg16': vgg16, 'googlenet': standard('googlenet', init_weights=False, aux_logits=False),
    'densenet121': standard('densenet121'), 'mobilenet_v3_large': standard('mobilenet_v3_large'), 'regnet_y_400mf': standard('regnet_y_400mf'),
}


def make(name):
    torch.manual_seed(0)
    net = MAKERS[name]()
    randomise(net, head=0.1)
    return net.eval().requires_grad_(False)


def export(folder, size):
    folder.mkdir(parents=True, exist_ok=True)
    for name in MAKERS:
        free = {'image': {0: 'n', 2: 'h', 3: 'w'}, 'logits': {0: 'n'}}
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            torch.onnx.export(make(name), torch.randn(1, 3, size, size), folder / f'{name}.onnx', input_names=['image'], output_names=['logits'],
                              opset_version=17, dynamo=False, dynamic_axes=free)
        print(name, flush=True)


class Hooked:
    """A network whose forward pass keeps three layers; autograd begins at the first of them."""

    def __init__(self, net, layers, device):
        self.net, self.kept = net.to(device), {}
        for i, layer in enumerate(layers):
            layer.register_forward_hook(self._keep(i))

    def _keep(self, i):
        def hook(_module, _inputs, output):
            if i == 0:
                output = output.detach().requires_grad_()
            self.kept[i] = output
            return output
        return hook

    def __call__(self, images):
        return self.net(images), [self.kept[i] for i in range(len(self.kept))]


class FromOnnx:
    """The same for the classifier that comes with voc-seeds, in plain torch operators."""

    def __init__(self, path, layers, device):
        self.net, self.layers = Network(str(path)), layers
        self.net.tensors = {name: value.to(device) for name, value in self.net.tensors.items()}
        self.net.points[layers[0]] = lambda y: y.detach().requires_grad_()

    def __call__(self, images):
        values = self.net.forward(images, keep=self.layers)
        return values[self.net.output], [values[name] for name in self.layers]


def network(name, model, layers, device):
    if name == 'bundled':
        return FromOnnx(model, layers, device)
    net = make(name)
    points = {'vgg16': lambda: [net[0][15], net[0][22], net[0][29]], 'resnet50': lambda: [net.layer2, net.layer3, net.layer4]}
    return Hooked(net, points[name](), device)


def layer_cam(net, images, classes, device):
    """The maps of `classes` classes of every image, per layer."""
    logits, layers = net(images.to(device))
    maps = []
    for c in range(classes):
        gradients = torch.autograd.grad(logits[:, c].sum(), layers, retain_graph=c + 1 < classes)
        maps.append([torch.relu((torch.relu(g) * a.detach()).sum(1)).cpu() for a, g in zip(layers, gradients)])
    return logits.detach().cpu(), maps


def rates(folder, out, device, model, layers, size, batches):
    results = []
    images = torch.from_numpy(np.fromfile(folder / f'images_{size}.f32', np.float32)).reshape(-1, 3, size, size)
    for name in ('bundled', 'resnet50', 'vgg16'):
        net = network(name, model, layers, device)
        for tf32 in (False, True):
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
            for batch in batches:
                for classes in (1, 2):
                    part = images[:batch]
                    for _ in range(3):
                        layer_cam(net, part, classes, device)
                    times = []
                    for _ in range(10):
                        start = time.perf_counter()
                        layer_cam(net, part, classes, device)
                        times.append(time.perf_counter() - start)
                    results.append(dict(network=name, tf32=tf32, batch=batch, classes=classes, imagesPerSecond=batch / median(times)))
                    print(results[-1], flush=True)
        del net
        out.write_text(json.dumps(results))


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('action', choices=['export', 'rates'])
    parser.add_argument('folder', type=Path)
    parser.add_argument('out', type=Path, nargs='?')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--model', type=Path)
    parser.add_argument('--layers', default='')
    parser.add_argument('--size', type=int, default=0)
    parser.add_argument('--batches', default='1,8,32')
    a = parser.parse_args()
    if a.action == 'export':
        export(a.folder, a.size or 224)
    else:
        rates(a.folder, a.out, a.device, a.model, a.layers.split(','), a.size or 448, [int(b) for b in a.batches.split(',')])
