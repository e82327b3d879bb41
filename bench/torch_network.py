"""An ONNX file's graph of Conv, Clip, Relu, Add, Mul, Resize, pooling and Gemm in plain torch operators, for the benchmarks.

TensorFlow's SAME padding is a padding of the convolution itself where it is symmetric. Weights are float32, also those that
the file stores in half precision.
"""
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F


def _attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _pads(x, kernel, stride, a):
    """(top, left, bottom, right)"""
    if a.get('auto_pad', b'NOTSET') != b'SAME_UPPER':
        return a.get('pads', [0, 0, 0, 0])
    dilation = a.get('dilations', [1, 1])
    totals = [max(0, (-(-x.shape[2 + i] // stride[i]) - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1 - x.shape[2 + i]) for i in (0, 1)]
    return [totals[0] // 2, totals[1] // 2, totals[0] - totals[0] // 2, totals[1] - totals[1] // 2]


def _convolution(x, w, b, a):
    stride, dilation = a.get('strides', [1, 1]), a.get('dilations', [1, 1])
    pads = _pads(x, w.shape[2:], stride, a)
    if pads[0] == pads[2] and pads[1] == pads[3]:
        return F.conv2d(x, w, b, stride, pads[:2], dilation, a.get('group', 1))
    return F.conv2d(F.pad(x, [pads[1], pads[3], pads[0], pads[2]]), w, b, stride, 0, dilation, a.get('group', 1))


def _max_pool(x, a):
    kernel, stride = a['kernel_shape'], a.get('strides', [1, 1])
    pads = _pads(x, kernel, stride, a)
    if pads[:2] == pads[2:]:
        return F.max_pool2d(x, kernel, stride, pads[:2], ceil_mode=bool(a.get('ceil_mode', 0)))
    return F.max_pool2d(F.pad(x, [pads[1], pads[3], pads[0], pads[2]], value=-float('inf')), kernel, stride, ceil_mode=bool(a.get('ceil_mode', 0)))


def randomise(net, head):
    """Makes the statistics of a new network unlike each other, and the weights of its head as large as `head`."""
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
            if isinstance(module, torch.nn.Linear):
                module.weight.normal_(0, head)


class Network:
    def __init__(self, path):
        self.graph = onnx.load(path).graph
        self.output = self.graph.output[0].name
        # Modules that tensors pass through, by name: a place for hooks.
        self.points = {}
        self.tensors = {t.name: torch.tensor(numpy_helper.to_array(t).astype('float32') if t.data_type in (1, 10) else numpy_helper.to_array(t))
                        for t in self.graph.initializer}
        for node in self.graph.node:
            if node.op_type == 'Constant':
                self.tensors[node.output[0]] = torch.tensor(numpy_helper.to_array(_attributes(node)['value']))
            if node.op_type in ('Cast', 'Identity') and node.input[0] in self.tensors:
                self.tensors[node.output[0]] = self.tensors[node.input[0]]
        self.steps = [(node, _attributes(node)) for node in self.graph.node if node.output[0] not in self.tensors]
        self.last_read = {name: i for i, (node, _) in enumerate(self.steps) for name in node.input}

    def trainable_names(self):
        """The weights and biases of convolutions and linear layers."""
        return [name for node, _ in self.steps if node.op_type in ('Conv', 'Gemm') for name in node.input[1:]]

    def make_trainable(self):
        """Turns them into leaves of autograd, and returns them."""
        names = self.trainable_names()
        for name in names:
            self.tensors[name] = self.tensors[name].clone().requires_grad_()
        return [self.tensors[name] for name in names]

    def forward(self, images, keep=()):
        """
        The output and the tensors to keep, by name, for images [N, 3, H, W] or several inputs by name. Others are let go of once they
        were read.
        """
        values = dict(images) if isinstance(images, dict) else {self.graph.input[0].name: images}

        def get(name):
            return values[name] if name in values else self.tensors[name]
        for i, (node, a) in enumerate(self.steps):
            x = [get(name) if name else None for name in node.input]
            kind = node.op_type
            if kind == 'Conv':
                y = _convolution(x[0], x[1], x[2] if len(x) > 2 else None, a)
            elif kind == 'Clip':
                y = F.hardtanh(x[0], float(x[1]), float(x[2]))
            elif kind == 'Relu':
                y = F.relu(x[0])
            elif kind == 'Add':
                y = x[0] + x[1]
            elif kind == 'Mul':
                y = x[0] * x[1]
            elif kind == 'Shape':
                y = torch.tensor(x[0].shape[a.get('start', 0):a.get('end', None)])
            elif kind == 'Resize':
                if a['mode'] != b'linear' or a['coordinate_transformation_mode'] != b'half_pixel':
                    raise SystemExit('Resize is bilinear with half pixels in this benchmark')
                y = F.interpolate(x[0], size=x[3][2:].tolist(), mode='bilinear', align_corners=False)
            elif kind == 'Concat':
                y = torch.cat(x, a['axis'])
            elif kind == 'MaxPool':
                y = _max_pool(x[0], a)
            elif kind == 'GlobalAveragePool':
                y = x[0].mean((2, 3), keepdim=True)
            elif kind == 'ReduceMean':
                y = x[0].mean((2, 3), keepdim=bool(a.get('keepdims', 1)))
            elif kind == 'Flatten':
                y = x[0].flatten(1)
            elif kind == 'Gemm':
                y = F.linear(x[0], x[1] if a.get('transB') else x[1].T, x[2])
            elif kind in ('Identity', 'Cast', 'Dropout'):
                y = x[0]
            elif kind in ('Squeeze', 'Reshape'):
                y = x[0].flatten(1)
            else:
                raise SystemExit(f'{kind} is not among the operators of this benchmark')
            values[node.output[0]] = self.points[node.output[0]](y) if node.output[0] in self.points else y
            for name in node.input:
                if self.last_read[name] == i and name not in keep:
                    values.pop(name, None)
        return values
