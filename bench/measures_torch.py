"""The Python side of `npm run bench -- measures`: boxes and faithfulness as users of two packages write them.

    python3 bench/measures_torch.py PACKAGE MODEL.onnx LAYER THREADS SIZE STEPS

PACKAGE is torch-cam or grad-cam. For each line {"task", "threshold", "photographs": [{"path", "classes", "boxes"}]} on standard input one
line with the milliseconds of all photographs, from files to numbers, and the results:

- localize: a map of each class at the size of the photograph, its largest contour above the threshold, the box, the best IoU;
- sweep: the same for thresholds 0, 0.01, ..., with all contours, as the evaluation of Choe et al. (CVPR 2020) does it;
- drop: average drop and increase in confidence: torch-cam's ClassificationMetric, pytorch-grad-cam's CamMultImageConfidenceChange;
- curves: insertion and deletion: torch-cam's DeletionInsertionMetric, and for pytorch-grad-cam, which has none, the loop of RISE's code;
- road: pytorch-grad-cam's ROADCombined.

Weights are frozen. The network is that of the ONNX file in plain torch operators.
"""
import json
import sys
import time
from functools import partial

import cv2
import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F

from torch_network import Network

package, path, layer = sys.argv[1:4]
threads, size, steps = map(int, sys.argv[4:7])
torch.set_num_threads(threads)
cv2.setNumThreads(threads)


class Model(torch.nn.Module):
    """The network, with a module at the layer that packages can put their hooks on."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Identity()
        self.network = Network(path)
        self.network.points[layer] = self.layer
        # pytorch-grad-cam asks the first parameter for its device.
        self.none = torch.nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, x):
        return self.network.forward(x)[self.network.output]


model = Model().eval()
softmax = partial(torch.softmax, dim=-1)

if package == 'torch-cam':
    from torchcam.methods import LayerCAM
    from torchcam.metrics import ClassificationMetric, DeletionInsertionMetric
    extractor = LayerCAM(model, 'layer')

    def maps_of(x, classes):
        scores = model(x.detach().requires_grad_())
        for i, c in enumerate(classes):
            cam, = extractor(c, scores, retain_graph=i + 1 < len(classes))
            yield cam[0].numpy()
else:
    from pytorch_grad_cam import LayerCAM
    from pytorch_grad_cam.metrics.cam_mult_image import CamMultImageConfidenceChange
    from pytorch_grad_cam.metrics.road import ROADCombined
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget, ClassifierOutputTarget
    extractor = LayerCAM(model=model, target_layers=[model.layer])

    def maps_of(x, classes):
        for c in classes:
            yield extractor(x.detach().requires_grad_(), [ClassifierOutputTarget(c)])[0]


def load(path):
    """The network's input [1, 3, SIZE, SIZE], and the size of the photograph, (width, height)."""
    photo = Image.open(path).convert('RGB')
    pixels = np.asarray(photo.resize((size, size), Image.BILINEAR), np.float32)
    return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)[None].contiguous(), photo.size


def box_of(contour, shape):
    x, y, w, h = cv2.boundingRect(contour)
    return x, y, min(x + w, shape[1] - 1), min(y + h, shape[0] - 1)


def contours_above(gray, threshold):
    binary = cv2.threshold(gray, int(threshold * gray.max()), 255, cv2.THRESH_BINARY)[1]
    return cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[-2]


def iou(a, b):
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]) + 1)
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]) + 1)
    area = lambda box: (box[2] - box[0] + 1) * (box[3] - box[1] + 1)
    return width * height / (area(a) + area(b) - width * height)


def localize(photographs, threshold, sweep):
    found = []
    for photograph in photographs:
        x, (width, height) = load(photograph['path'])
        for cam, truths in zip(maps_of(x, photograph['classes']), photograph['boxes']):
            cam = cv2.resize(cam, (width, height), interpolation=cv2.INTER_LINEAR)
            gray = np.uint8(255 * cam / cam.max())
            if sweep:
                for t in np.arange(0, 1, 0.01):
                    boxes = [box_of(contour, gray.shape) for contour in contours_above(gray, t)] or [(0, 0, 0, 0)]
                    max(iou(box, truth) for box in boxes for truth in truths)
            largest = max(contours_above(gray, threshold), key=cv2.contourArea)
            box = box_of(largest, gray.shape)
            max(iou(box, truth) for truth in truths)
            # Ours is given without the extra pixel of the evaluation.
            x0, y0, w, h = cv2.boundingRect(largest)
            found.append([x0, y0, x0 + w - 1, y0 + h - 1])
    return dict(boxes=found)


def drop(photographs):
    if package == 'torch-cam':
        metric = ClassificationMetric(extractor, softmax)
        for photograph in photographs:
            metric.update(load(photograph['path'])[0].requires_grad_(), photograph['classes'][0])
        summary = metric.summary()
        return dict(values={'drop': summary['avg_drop'], 'increase': summary['conf_increase']})
    change = CamMultImageConfidenceChange()
    drops, increases = [], []
    for photograph in photographs:
        x, _ = load(photograph['path'])
        c = photograph['classes'][0]
        cam = np.stack(list(maps_of(x, [c])))
        targets = [ClassifierOutputSoftmaxTarget(c)]
        with torch.no_grad():
            before = float(softmax(model(x))[0, c])
        after = before + float(change(x, cam, targets, model)[0])
        drops.append(max(0, before - after) / before)
        increases.append(after > before)
    return dict(values={'drop': float(np.mean(drops)), 'increase': float(np.mean(increases))})


def gkern(klen, nsig):
    """As in RISE's code."""
    inp = np.zeros((klen, klen))
    inp[klen // 2, klen // 2] = 1
    k = gaussian_filter(inp, nsig)
    kern = np.zeros((3, 3, klen, klen))
    for i in range(3):
        kern[i, i] = k
    return torch.from_numpy(kern.astype('float32'))


kern = gkern(11, 5)


def single_run(x, cam, c, mode):
    """CausalMetric.single_run of RISE's code, on the CPU."""
    area = size * size
    step = -(-area // steps)
    blank = torch.zeros_like(x) if mode == 'del' else F.conv2d(x, kern, padding=5)
    start, finish = (x.clone(), blank) if mode == 'del' else (blank, x.clone())
    n_steps = (area + step - 1) // step
    scores = np.empty(n_steps + 1)
    order = np.flip(np.argsort(cam.reshape(-1, area), axis=1), axis=-1)
    for i in range(n_steps + 1):
        scores[i] = softmax(model(start))[0, c]
        if i < n_steps:
            coords = order[:, step * i:step * (i + 1)]
            start.numpy().reshape(1, 3, area)[0, :, coords] = finish.numpy().reshape(1, 3, area)[0, :, coords]
    return (scores.sum() - scores[0] / 2 - scores[-1] / 2) / n_steps


def curves(photographs):
    if package == 'torch-cam':
        metric = DeletionInsertionMetric(extractor, softmax, steps=steps)
        for photograph in photographs:
            metric.update(load(photograph['path'])[0].requires_grad_(), photograph['classes'][0])
        summary = metric.summary()
        return dict(values={'insertion': summary['insertion_auc'], 'deletion': summary['deletion_auc']})
    areas = {'ins': [], 'del': []}
    for photograph in photographs:
        x, _ = load(photograph['path'])
        c = photograph['classes'][0]
        cam, = maps_of(x, [c])
        with torch.no_grad():
            for mode, found in areas.items():
                found.append(single_run(x, cam, c, mode))
    return dict(values={'insertion': float(np.mean(areas['ins'])), 'deletion': float(np.mean(areas['del']))})


def road(photographs):
    metric = ROADCombined(percentiles=[10, 20, 30, 40, 50, 60, 70, 80, 90])
    scores = []
    for photograph in photographs:
        x, _ = load(photograph['path'])
        c = photograph['classes'][0]
        cam = np.stack(list(maps_of(x, [c])))
        scores.append(float(metric(x, cam, [ClassifierOutputSoftmaxTarget(c)], model)[0]))
    return dict(values={'combined': float(np.mean(scores))})


for line in sys.stdin:
    asked = json.loads(line)
    photographs, task = asked['photographs'], asked['task']
    start = time.perf_counter()
    if task in ('localize', 'sweep'):
        result = localize(photographs, asked['threshold'], task == 'sweep')
    else:
        result = {'drop': drop, 'curves': curves, 'road': road}[task](photographs)
    print(json.dumps({'ms': 1000 * (time.perf_counter() - start), **result}), flush=True)

# pytorch-grad-cam removes its hooks when it is deleted, and cannot do so when Python has ended.
del extractor
