"""PyTorch's side of `npm run bench -- train`: for each line on standard input one timed forward pass and training step.

    python3 bench/train_torch.py MODEL.onnx BATCH SIZE THREADS

The network is the ONNX file's graph of Conv, Clip, Relu, Add, pooling and Gemm in plain torch operators; TensorFlow's
SAME padding is a padding of the convolution itself where it is symmetric. The loss is BCEWithLogitsLoss, the optimiser
torch.optim.SGD with momentum and weight decay.
"""
import json
import sys
import time

import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F

path, batch, size, threads = sys.argv[1], *map(int, sys.argv[2:5])
torch.set_num_threads(threads)
torch.manual_seed(0)
graph = onnx.load(path).graph
tensors = {t.name: torch.tensor(numpy_helper.to_array(t).astype('float32') if t.data_type in (1, 10) else numpy_helper.to_array(t)) for t in graph.initializer}
parameters = {}


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def convolution(x, w, b, a):
    stride = a.get('strides', [1, 1])
    dilation = a.get('dilations', [1, 1])
    pads = a.get('pads', [0, 0, 0, 0])
    if a.get('auto_pad', b'NOTSET') == b'SAME_UPPER':
        totals = [max(0, (-(-x.shape[2 + i] // stride[i]) - 1) * stride[i] + (w.shape[2 + i] - 1) * dilation[i] + 1 - x.shape[2 + i]) for i in (0, 1)]
        pads = [totals[0] // 2, totals[1] // 2, totals[0] - totals[0] // 2, totals[1] - totals[1] // 2]
    if pads[0] == pads[2] and pads[1] == pads[3]:
        return F.conv2d(x, w, b, stride, pads[:2], dilation, a.get('group', 1))
    return F.conv2d(F.pad(x, [pads[1], pads[3], pads[0], pads[2]]), w, b, stride, 0, dilation, a.get('group', 1))


def forward(image):
    values = {graph.input[0].name: image}

    def get(name):
        return parameters[name] if name in parameters else values[name] if name in values else tensors[name]
    for node in graph.node:
        a = attributes(node)
        x = [get(name) if name else None for name in node.input]
        if node.op_type == 'Conv':
            y = convolution(x[0], x[1], x[2] if len(x) > 2 else None, a)
        elif node.op_type == 'Clip':
            y = F.hardtanh(x[0], float(x[1]), float(x[2]))
        elif node.op_type == 'Relu':
            y = F.relu(x[0])
        elif node.op_type == 'Add':
            y = x[0] + x[1]
        elif node.op_type == 'GlobalAveragePool':
            y = x[0].mean((2, 3), keepdim=True)
        elif node.op_type == 'Flatten':
            y = x[0].flatten(1)
        elif node.op_type == 'Gemm':
            y = F.linear(x[0], x[1] if a.get('transB') else x[1].T, x[2])
        elif node.op_type in ('Identity', 'Cast'):
            y = x[0]
        elif node.op_type in ('Squeeze', 'Reshape'):
            y = x[0].flatten(1)
        else:
            raise SystemExit(f'{node.op_type} is not among the operators of this benchmark')
        values[node.output[0]] = y
    return values[graph.output[0].name]


for node in graph.node:
    if node.op_type in ('Conv', 'Gemm'):
        for name in node.input[1:]:
            source = next((n.input[0] for n in graph.node if n.op_type == 'Cast' and n.output[0] == name), name)
            parameters[name] = tensors[source].clone().requires_grad_()
optimiser = torch.optim.SGD(parameters.values(), lr=0.0, momentum=0.9, weight_decay=1e-4)
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
