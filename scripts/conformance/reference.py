"""What PyTorch computes for a network, and the ONNX file that its exporter makes of it.

The maps are computed by PyTorch's own autograd in float64 on the network's modules, never on the ONNX graph; which
tensor of the graph a module's output has become is found by comparing values.
"""

import base64
import copy
import io
import math
import random
import warnings
import zlib

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F

from image import as_input, pixels_of

NOISE = 1e-6
"""How far inputs are moved to see how far that moves maps, relative to the largest input."""


def seed_by(name):
    number = zlib.crc32(name.encode())
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def image_of(seed, size):
    """float64 [1, 3, H, W]"""
    return torch.from_numpy(as_input(pixels_of(seed, size)))


def randomise(model, image):
    """Random weights with which activations neither vanish nor explode: random scales, statistics of BatchNorm near those
    of the image, and no factor left at a vanishing initial value."""
    model.train()
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    layer_norms = [m for m in model.modules() if isinstance(m, torch.nn.LayerNorm)]
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout) or type(module).__name__ == "StochasticDepth":
            module.p = 0.0
        if hasattr(module, "inplace"):
            module.inplace = False
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("layer_scale"):
                parameter.uniform_(0.3, 1.0)
            if name.endswith(("class_token", "pos_embedding")):
                parameter.normal_(0, 0.5)
            if name.endswith("relative_position_bias_table"):
                parameter.normal_(0, 0.5)
        if not norms + layer_norms:
            for module in model.modules():
                if isinstance(module, torch.nn.Conv2d):
                    torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                    module.bias.uniform_(0, 0.3)
        for module in norms + layer_norms:
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.3)
        for module in norms:
            module.momentum = None
        # Two images, so that no statistic is of a single value.
        model(torch.cat([image, image.flip(2, 3) * 0.7]).float())
        for module in norms:
            module.running_mean += 0.05 * module.running_var.sqrt() * torch.randn_like(module.running_mean)
            module.running_var *= torch.empty_like(module.running_var).uniform_(0.8, 1.25)
        linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
        if linear:
            linear[-1].weight.normal_(0, linear[-1].in_features ** -0.5)
    return model.eval()


def export(model, size, opset, fixed, dynamo):
    """The model as PyTorch exports it. Batch, height and width are free unless `fixed`."""
    model = copy.deepcopy(model)
    names = dict(input_names=["input"], output_names=["logits"], opset_version=opset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            dynamic = {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
            program = torch.onnx.export(model, (torch.zeros(1 if fixed else 2, 3, *size),), dynamo=True, verbose=False, optimize=True,
                                        dynamic_shapes=None if fixed else (dynamic,), **names)
            result = program.model_proto
        else:
            axes = None if fixed else {"input": {0: "N", 2: "H", 3: "W"}, "logits": {0: "N"}}
            buffer = io.BytesIO()
            torch.onnx.export(model, (torch.zeros(1, 3, *size),), buffer, dynamo=False, dynamic_axes=axes, **names)
            result = onnx.load_from_string(buffer.getvalue())
    for node in result.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for tensor in result.graph.initializer:
        tensor.doc_string = ""
        del tensor.metadata_props[:]
    del result.graph.value_info[:], result.graph.metadata_props[:], result.metadata_props[:]
    return result


def module_tensors(model, image, layers):
    """Logits, and {key: the tensor at the module's output}."""
    found, hooks = {}, []
    for key, path in layers.items():
        hooks.append(model.get_submodule(path).register_forward_hook(lambda _, __, output, key=key: found.__setitem__(key, output)))
    logits = model(image)
    for hook in hooks:
        hook.remove()
    return logits, found


def maps_of(activation, gradient):
    """[1, C, h, w] and [K, C, h, w] -> the maps [K, h, w] of all methods that need no more, not normalised: LayerCAM (Jiang
    et al. 2021), Grad-CAM (Selvaraju et al. 2017), Grad-CAM++ (Chattopadhay et al. 2018, with alpha = 1 / (2 + S g)),
    XGrad-CAM (Fu et al. 2020) and HiResCAM (Draelos and Carin 2020), Eigen-CAM (Muhammad and Yeasin 2020) and EigenGrad-CAM (its
    variant in pytorch-grad-cam)."""
    total = activation.sum((2, 3), keepdim=True)
    weights = {
        "layer-cam": F.relu(gradient),
        "grad-cam": gradient.mean((2, 3), keepdim=True),
        "grad-cam++": (F.relu(gradient) / (2 + total * gradient)).sum((2, 3), keepdim=True),
        "xgrad-cam": (gradient * activation).sum((2, 3), keepdim=True) / (total + 1e-7),
        "hires-cam": gradient,
    }
    maps = {method: F.relu((weight * activation).sum(1)) for method, weight in weights.items()}
    maps["eigen-cam"] = principal(activation[0]).expand(len(gradient), -1, -1)
    maps["eigengrad-cam"] = torch.stack([principal(features) for features in gradient * activation])
    return maps


def principal(features):
    """[C, h, w] -> [h, w]: the first principal component over channels, as in pytorch-grad-cam, with the sign for which the weights of
    the channels do not add up to less than 0."""
    x = features.flatten(1).T
    x = x - x.mean(0)
    v = torch.linalg.svd(x, full_matrices=False)[2][0]
    return F.relu(x @ (-v if v.sum() < 0 else v)).reshape(features.shape[1:])


SIMILAR = 3


def finer(logits, c):
    """FinerCAM's target, as in pytorch-grad-cam: the class's logit less the mean of the nearest ones, weighted by their softmax."""
    distances = (logits.detach() - logits[c].detach()).abs()
    distances[c] = math.inf
    nearest = logits[distances.argsort(stable=True)[:SIMILAR]]
    return logits[c] - (nearest.softmax(0) * nearest).sum()


def to_map(tensor, tokens, last):
    """Tokens [N, T, C], or [N, h, w, C], as [N, C, h, w]."""
    if tokens:
        first, rows, columns = tokens
        return tensor[:, first:].transpose(1, 2).reshape(len(tensor), -1, rows, columns)
    return tensor.permute(0, 3, 1, 2) if last else tensor


def maps_at(model, image, classes, layers, tokens, last):
    """Logits, the layers' tensors, and {key: {method: maps}}."""
    logits, tensors = module_tensors(model, image, layers)
    gradients = lambda value: torch.autograd.grad(value, list(tensors.values()), retain_graph=True)
    plain, compared = [gradients(logits[0, c]) for c in classes], [gradients(finer(logits[0], c)) for c in classes]
    maps = {}
    for i, (key, tensor) in enumerate(tensors.items()):
        activation = to_map(tensor.detach(), tokens, last)
        of = lambda stacked: torch.cat([to_map(per_class[i], tokens, last) for per_class in stacked])
        maps[key] = {**maps_of(activation, of(plain)), "layer-cam finer": F.relu((F.relu(of(compared)) * activation).sum(1))}
    return logits.detach(), {key: tensor.detach() for key, tensor in tensors.items()}, maps


def tensor_names(model, image, tensors):
    """For each tensor the name of the graph's tensor that holds the same numbers, the last one there is."""
    shapes = {tuple(t.shape) for t in tensors.values()}
    everything = copy.deepcopy(model)
    # A Pad by nothing, as it may be at this size, is no layer of its own.
    names = [name for node in model.graph.node for name in node.output if name and node.op_type != "Pad"]
    del everything.graph.output[:]
    everything.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(everything.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values = dict(zip(names, session.run(names, {session.get_inputs()[0].name: image.float().numpy()})))
    values = {name: value for name, value in values.items() if value.dtype == np.float32 and value.shape in shapes}
    result = {}
    for key, tensor in tensors.items():
        expected = tensor.numpy()
        errors = {name: float(np.abs(value - expected).max() / np.abs(expected).max()) for name, value in values.items() if value.shape == expected.shape}
        best = min(errors.values(), default=math.inf)
        if best > 1e-4:
            raise RuntimeError(f"no tensor of the graph holds the output of {key} (nearest: {best:.1e})")
        result[key] = [name for name, error in errors.items() if error <= 2 * best + 1e-7][-1]
    return result


def difference(a, b):
    return float((a - b).abs().max() / b.abs().max())


def evaluate(model, single, image, layers, tokens, last):
    """Maps of one image, and per layer and method how far float32 and a noise of rounding size move them, relative to
    each map's largest value: with a value near a kink of ReLU or two near the maximum of a pool, a gradient jumps."""
    with torch.no_grad():
        classes = model(image)[0].topk(2).indices.tolist()
    logits, tensors, maps = maps_at(model, image, classes, layers, tokens, last)
    noise = {key: dict.fromkeys(methods, 0.0) for key, methods in maps.items()}
    generator = torch.Generator().manual_seed(0)
    moved = image + NOISE * image.abs().max() * (2 * torch.rand(image.shape, generator=generator) - 1)
    for other, shown in ((single, image.float()), (model, moved)):
        _, _, got = maps_at(other, shown, classes, layers, tokens, last)
        for key, methods in maps.items():
            for method, values in methods.items():
                noise[key][method] = max(noise[key][method], difference(got[key][method], values) if values.max() > 0 else math.inf)
    return classes, logits, tensors, maps, noise


def reference(name, make, layers, size, fixed=False, opset=15, dynamo=False, export_size=None, tokens=None, last=False,
              draws=6, quiet=2e-5):
    """The exported model, and what is expected of it, ready for JSON. Images are drawn until one is found that is near no
    kink: on which noise moves no LayerCAM map by more than `quiet`; if there is none, the best is taken."""
    seed_by(name)
    model = randomise(make(), image_of(0, size))
    exported = export(model, export_size or size, opset, fixed, dynamo)
    double = copy.deepcopy(model).double()
    best = None
    for draw in range(1, draws + 1):
        found = evaluate(double, model, image_of(draw, size), layers, tokens, last)
        worst = max(methods["layer-cam"] for methods in found[-1].values())
        if best is None or worst < best[0]:
            best = worst, draw, found
        if worst <= quiet:
            break
    _, draw, (classes, logits, tensors, maps, noise) = best
    names = tensor_names(exported, image_of(draw, size), tensors)
    return exported, dict(
        name=name, torch=torch.__version__.split("+")[0], opset=opset, exporter="dynamo" if dynamo else "torchscript", fixed=fixed,
        size=list(size), image=draw, classes=classes, logits=encode(logits),
        layers=[dict(
            key=key, tensor=names[key], channels=tensors[key].shape[2 if tokens else 3 if last else 1], shape=list(maps[key]["layer-cam"].shape[1:]),
            methods={method: dict(noise=float(f"{noise[key][method]:.1e}"), map=encode(values)) for method, values in maps[key].items()
                     if math.isfinite(noise[key][method])},
        ) for key in layers])


def encode(values):
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()
