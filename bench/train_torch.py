"""PyTorch's side of `npm run bench -- train`: for each line on standard input one timed forward pass and training step.

    python3 bench/train_torch.py MODEL.onnx BATCH SIZE THREADS

The network is the ONNX file's graph in plain torch operators (torch_network.py). The loss is BCEWithLogitsLoss, the optimiser
torch.optim.SGD with momentum and weight decay.
"""
import json
import sys
import time

import torch
from torch.nn import functional as F

from torch_network import Network

path, batch, size, threads = sys.argv[1], *map(int, sys.argv[2:5])
torch.set_num_threads(threads)
torch.manual_seed(0)
network = Network(path)
optimiser = torch.optim.SGD(network.make_trainable(), lr=0.0, momentum=0.9, weight_decay=1e-4)


def forward(x):
    return network.forward(x)[network.output]


images = torch.rand(batch, 3, size, size) * 2 - 1
with torch.no_grad():
    classes = forward(images).shape[1]
targets = (torch.rand(batch, classes) < 0.1).float()
print('ready', flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    with torch.no_grad():
        forward(images)
    middle = time.perf_counter()
    optimiser.zero_grad()
    F.binary_cross_entropy_with_logits(forward(images), targets).backward()
    optimiser.step()
    end = time.perf_counter()
    print(json.dumps({'forward': 1000 * (middle - start), 'step': 1000 * (end - middle)}), flush=True)
