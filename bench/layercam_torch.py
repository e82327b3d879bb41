"""PyTorch's side of `npm run bench -- layercam`: LayerCAM by hooks, as it is usually written.

    python3 bench/layercam_torch.py NETWORK SIZE THREADS FOLDER

Writes FOLDER/NETWORK.onnx (random weights; the networks end in global average pooling and 20 logits) and, for each line
`K` on standard input, computes the maps of K classes in three ways. It prints the milliseconds of each and leaves the
fused maps [K, SIZE, SIZE] of the first two as float32 in FOLDER/NETWORK.f32.

Weights are frozen in all of them.
- `usual`: one forward pass, one backward pass per class, the maps in numpy, resizing and fusion. It asks for the gradient
  of the image, as the common packages do, which makes autograd walk the whole network;
- `careful`: the same, but autograd begins at the shallowest layer that is asked for;
- `package`: LayerCAM of pytorch-grad-cam, called once per class, which runs the network forward each time. It is left out
  where the package is not installed.
"""
import json
import sys
import time
import warnings

import numpy as np
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from torch_network import randomise

try:
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
except ImportError:
    pytorch_grad_cam = None

name, size, threads, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.set_num_threads(threads)
torch.manual_seed(0)


class MobileNetV1(nn.Module):
    def __init__(self):
        super().__init__()
        def unit(i, o, k, s, g): return [nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o), nn.ReLU6()]
        plan = [(32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2)] + [(512, 512, 1)] * 5 + [(512, 1024, 2), (1024, 1024, 1)]
        blocks = [nn.Sequential(*unit(3, 32, 3, 2, 1))]
        blocks += [nn.Sequential(*unit(i, i, 3, s, i), *unit(i, o, 1, 1, 1)) for i, o, s in plan]
        self.features = nn.Sequential(*blocks)
        self.head = nn.Linear(1024, 20)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


def network():
    if name == 'vgg16':
        vgg = torchvision.models.vgg16(weights=None).features
        # Without the last pooling, as weakly supervised segmentation uses it: relu5_3 at stride 16.
        body = vgg[:30]
        return nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 20)), [body[15], body[22], body[29]]
    if name == 'resnet50':
        net = torchvision.models.resnet50(weights=None, num_classes=20)
        return net, [net.layer2, net.layer3, net.layer4]
    net = MobileNetV1()
    return net, [net.features[5], net.features[11], net.features[13]]


net, layers = network()
randomise(net, head=1)
net.eval().requires_grad_(False)
image = torch.tensor(np.fromfile(f'{folder}/image.f32', np.float32).reshape(1, 3, size, size))
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    torch.onnx.export(net, image, f'{folder}/{name}.onnx', input_names=['image'], output_names=['logits'], opset_version=17, dynamo=False,
                      dynamic_axes={'image': {0: 'n', 2: 'h', 3: 'w'}})

kept = {}


def keep(i, careful):
    def hook(_module, _inputs, output):
        if careful and i == 0:
            output = output.detach().requires_grad_()
        output.retain_grad()
        kept[i] = output
        return output
    return hook


def run(classes, careful):
    handles = [layer.register_forward_hook(keep(i, careful)) for i, layer in enumerate(layers)]
    x = image if careful else image.clone().requires_grad_()
    logits = net(x)
    fused = []
    for c in range(classes):
        for output in kept.values():
            output.grad = None
        logits[0, c].backward(retain_graph=c + 1 < classes)
        maps = []
        for i in range(len(layers)):
            activation, gradient = kept[i].detach().numpy()[0], kept[i].grad.numpy()[0]
            m = np.maximum((np.maximum(gradient, 0) * activation).sum(0), 0)
            m = m / max(m.max(), 1e-12)
            m = np.tanh(2 * m) if i + 1 < len(layers) else m
            maps.append(F.interpolate(torch.from_numpy(m)[None, None], (size, size), mode='bilinear', align_corners=False)[0, 0].numpy())
        m = np.max(maps, 0)
        fused.append(m / max(m.max(), 1e-12))
    for handle in handles:
        handle.remove()
    return np.stack(fused)


def run_package(classes):
    with pytorch_grad_cam.LayerCAM(model=net, target_layers=layers) as cam:
        for c in range(classes):
            cam(image.clone().requires_grad_(), [ClassifierOutputTarget(c)])


print('ready', flush=True)
for line in sys.stdin:
    times = {}
    if pytorch_grad_cam is not None:
        start = time.perf_counter()
        run_package(int(line))
        times['package'] = 1000 * (time.perf_counter() - start)
    for way in ('usual', 'careful'):
        start = time.perf_counter()
        maps = run(int(line), way == 'careful')
        times[way] = 1000 * (time.perf_counter() - start)
    maps.astype(np.float32).tofile(f'{folder}/{name}.f32')
    print(json.dumps(times), flush=True)
