"""PyTorch's side of `npm run bench -- score-cam`: for each line on standard input one Score-CAM map, with its time.

    python3 bench/score_cam_torch.py MODEL.onnx LAYER BATCH THREADS CHANNELS IMAGE HEIGHT WIDTH CLASS

The plain loop as published (and as in pytorch-grad-cam): activations of a forward pass, upsampled and normalised; the masked
images go through the network in batches without gradients; the weights are a softmax of the class's scores. IMAGE holds
float32 [3, HEIGHT, WIDTH]. Only the CHANNELS channels with the largest mean activations are taken.
"""
import json
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F

from torch_network import Network

path, layer = sys.argv[1:3]
batch, threads, count = map(int, sys.argv[3:6])
height, width, target = map(int, sys.argv[7:10])
torch.set_num_threads(threads)
network = Network(path)
image = torch.from_numpy(np.fromfile(sys.argv[6], np.float32)).reshape(1, 3, height, width)


def score_cam():
    with torch.no_grad():
        activations = network.forward(image, [layer])[layer][0]
        chosen = activations.mean((1, 2)).topk(min(count, len(activations))).indices
        kept = activations[chosen]
        masks = F.interpolate(kept[None], (height, width), mode='bilinear', align_corners=False)[0]
        least, most = masks.amin((1, 2), keepdim=True), masks.amax((1, 2), keepdim=True)
        masks = (masks - least) / (most - least).clamp(min=1e-8)
        scores = []
        for i in range(0, len(masks), batch):
            outputs = network.forward(image * masks[i:i + batch, None])[network.output]
            scores.extend(outputs[:, target].tolist())
        weights = torch.tensor(scores).softmax(0)
        return F.relu((weights[:, None, None] * kept).sum(0))


print('ready', flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    result = score_cam()
    print(json.dumps({'ms': 1000 * (time.perf_counter() - start), 'map': result.flatten().tolist()}), flush=True)
