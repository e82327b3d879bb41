"""The networks of the conformance test: torchvision's classes, at full size and shrunk to a few channels.

An entry says how to make a network, the [height, width] of its image, and the modules at whose outputs maps are taken.
A key such as `/16` is the stride alias that has to name the layer; other keys are for layers without one.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models
from torchvision.models import convnext, densenet, efficientnet, inception, mnasnet, mobilenetv2, mobilenetv3, regnet, resnet
from torchvision.models import shufflenetv2, squeezenet, swin_transformer, vgg, vision_transformer
from torchvision.models.googlenet import BasicConv2d, GoogLeNet, Inception
from torchvision.ops.misc import Conv2dNormActivation

CLASSES = 5


def entry(make, layers, size, **options):
    """options: `fixed` (exported for one size), `opset`, `dynamo` (the newer exporter), `export_size`, `tokens`
    ((first, rows, columns) of the layers' tokens), `last` (a layer is [N, h, w, C])."""
    return dict(make=make, layers=layers, size=size, **options)


def standard(name, layers, size=(224, 224), **options):
    extra = dict(init_weights=False) if name in ("googlenet", "inception_v3") else {}
    return name, entry(lambda: models.get_model(name, weights=None, **extra), layers, size, **options)


RESNET = {"/8": "layer2", "/16": "layer3", "/32": "layer4"}
VIT = {"/16": "encoder.layers.encoder_layer_10", "ln_1": "encoder.layers.encoder_layer_11.ln_1"}

FULL = dict([
    standard("vgg11", {"/8": "features.14", "/16": "features.19", "/32": "features.20"}, fixed=True),
    standard("vgg16", {"/8": "features.22", "/16": "features.29", "/32": "features.30"}, fixed=True),
    standard("vgg16_bn", {"/8": "features.32", "/16": "features.42", "/32": "features.43"}, fixed=True, opset=11),
    standard("resnet18", RESNET, opset=11),
    standard("resnet50", RESNET),
    standard("resnext50_32x4d", RESNET),
    standard("wide_resnet50_2", RESNET, opset=13),
    standard("googlenet", {"/8": "inception3b", "/16": "inception4e", "/32": "inception5b"}),
    standard("inception_v3", {"/8": "Mixed_5d", "/16": "Mixed_6e", "/32": "Mixed_7c"}, (299, 299)),
    standard("densenet121", {"/8": "features.transition2.relu", "/16": "features.transition3.relu", "/32": "features"}),
    standard("squeezenet1_1", {"/8": "features.7", "features": "features.12", "/16": "classifier.2"}),
    standard("mobilenet_v2", {"/8": "features.7.conv.0", "/16": "features.14.conv.0", "/32": "features.18"}),
    standard("mobilenet_v3_large", {"/8": "features.7.block.0", "/16": "features.13.block.0", "/32": "features.16"}, opset=14),
    standard("mnasnet1_0", {"/8": "layers.10.0.layers.2", "/16": "layers.12.0.layers.2", "/32": "layers.16"}, opset=12),
    standard("shufflenet_v2_x1_0", {"/8": "stage2", "/16": "stage3", "/32": "conv5"}, opset=11),
    standard("efficientnet_b0", {"/8": "features.4.0.block.0", "/16": "features.6.0.block.0", "/32": "features.8"}, opset=16),
    standard("regnet_y_400mf", {"/8": "trunk_output.block2", "/16": "trunk_output.block3", "/32": "trunk_output.block4"}),
    standard("convnext_tiny", {"/8": "features.3", "/16": "features.5", "/32": "features.7"}, opset=17),
    standard("vit_b_16", VIT, opset=17, fixed=True, tokens=(1, 14, 14)),
    standard("swin_t", {"/8": "features.3", "/16": "features.5", "/32": "features.7"}, opset=17, fixed=True, last=True),
])
for name in ("resnet50", "mobilenet_v3_large", "efficientnet_b0", "convnext_tiny"):
    FULL[f"{name} (dynamo)"] = dict(FULL[name], opset=18, dynamo=True)
FULL["vit_b_16 (dynamo)"] = dict(FULL["vit_b_16"], opset=18, dynamo=True)


# -- small versions

class ThinResNet(resnet.ResNet):
    @property
    def inplanes(self):
        return self.channels

    @inplanes.setter
    def inplanes(self, value):
        self.channels = value if hasattr(self, "channels") else value // 4  # of the stem

    def _make_layer(self, block, planes, blocks, **options):
        return super()._make_layer(block, planes // 32, blocks, **options)


def thin_resnet(block, **options):
    model = ThinResNet(block, [1, 1, 2, 1], num_classes=CLASSES, **options)
    model.fc = nn.Linear(512 // 32 * block.expansion, CLASSES)
    return model


def thin_vgg(plan, norm):
    model = vgg.VGG(vgg.make_layers(plan, norm), num_classes=CLASSES)
    model.classifier = nn.Sequential(nn.Linear(8 * 49, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, CLASSES))
    return model


def thin(conv, factor, channels_in, channels_out, **options):
    return conv(channels_in if channels_in == 3 else channels_in // factor, channels_out // factor, **options)


def thin_googlenet():
    conv = partial(thin, BasicConv2d, 8)
    model = GoogLeNet(CLASSES, aux_logits=False, init_weights=False, blocks=[conv, partial(Inception, conv_block=conv), None])
    model.fc = nn.Linear(1024 // 8, CLASSES)
    model.inception4b = model.inception4c = model.inception5a = nn.Identity()
    return model


def thin_inception():
    conv = partial(thin, inception.BasicConv2d, 16)
    blocks = [inception.InceptionA, inception.InceptionB, inception.InceptionC, inception.InceptionD, inception.InceptionE]
    model = inception.Inception3(CLASSES, aux_logits=False, init_weights=False,
                                 inception_blocks=[conv, *[partial(block, conv_block=conv) for block in blocks], None])
    model.fc = nn.Linear(2048 // 16, CLASSES)
    model.Mixed_6c = model.Mixed_6d = nn.Identity()
    return model


def thin_squeezenet():
    model = squeezenet.SqueezeNet("1_1", num_classes=CLASSES)
    fire, pool = squeezenet.Fire, partial(nn.MaxPool2d, kernel_size=3, stride=2, ceil_mode=True)
    model.features = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), pool(), fire(8, 4, 6, 6), pool(), fire(12, 4, 8, 8), pool(), fire(16, 6, 10, 10))
    model.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(20, CLASSES, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)))
    return model


def thin_mobilenet_v2():
    plan = [[1, 8, 1, 1], [3, 8, 2, 2], [3, 8, 2, 2], [3, 12, 2, 2], [3, 16, 2, 2]]
    model = mobilenetv2.MobileNetV2(CLASSES, 0.5, plan, round_nearest=4)
    last = model.features[-1][0].in_channels
    model.features[-1] = Conv2dNormActivation(last, 24, kernel_size=1, activation_layer=nn.ReLU6)
    model.classifier = nn.Linear(24, CLASSES)
    return model


def thin_mobilenet_v3():
    config = mobilenetv3.InvertedResidualConfig
    plan = [config(8, 3, 8, 8, False, "RE", 1, 1, 1.0), config(8, 3, 16, 12, False, "RE", 2, 1, 1.0), config(12, 5, 24, 12, True, "RE", 2, 1, 1.0),
            config(12, 5, 24, 12, True, "RE", 1, 1, 1.0), config(12, 3, 24, 16, False, "HS", 2, 1, 1.0), config(16, 3, 24, 16, True, "HS", 1, 1, 1.0),
            config(16, 5, 32, 16, True, "HS", 2, 1, 1.0), config(16, 5, 32, 16, True, "HS", 1, 1, 1.0)]
    return mobilenetv3.MobileNetV3(plan, 24, num_classes=CLASSES)


def thin_mnasnet():
    model = mnasnet.MNASNet(0.1, num_classes=CLASSES)
    for stage in range(8, 14):
        model.layers[stage] = model.layers[stage][:1]
    model.layers[14] = nn.Conv2d(model.layers[14].in_channels, 24, 1, bias=False)
    model.layers[15] = nn.BatchNorm2d(24)
    model.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(24, CLASSES))
    return model


def thin_efficientnet():
    config = partial(efficientnet.MBConvConfig, width_mult=0.5, depth_mult=1.0)
    plan = [config(1, 3, 1, 16, 16, 1), config(3, 3, 2, 16, 16, 2), config(3, 5, 2, 16, 24, 2), config(3, 3, 2, 24, 32, 1), config(3, 5, 1, 32, 32, 1),
            config(3, 5, 2, 32, 48, 2)]
    return efficientnet.EfficientNet(plan, 0.2, num_classes=CLASSES, last_channel=32)


def thin_regnet():
    params = regnet.BlockParams([1, 1, 2, 1], [8, 16, 24, 32], [4, 4, 8, 8], [1.0] * 4, [2] * 4, 0.25)
    return regnet.RegNet(params, num_classes=CLASSES, stem_width=8)


def thin_convnext():
    block = convnext.CNBlockConfig
    return convnext.ConvNeXt([block(8, 12, 1), block(12, 16, 1), block(16, 24, 2), block(24, None, 1)], num_classes=CLASSES)


def thin_vit():
    return vision_transformer.VisionTransformer(image_size=64, patch_size=16, num_layers=3, num_heads=2, hidden_dim=12, mlp_dim=24, num_classes=CLASSES)


def thin_swin():
    return swin_transformer.SwinTransformer([4, 4], 8, [2, 1], [2, 2], [4, 4], num_classes=CLASSES)


class PaddedNet(nn.Module):
    """Convolutions padded as in TensorFlow, by amounts computed from the image's size; with F.pad, whose arithmetic
    exporters leave in the graph."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(a, b, k, 2) for a, b, k in ((3, 6, 3), (6, 8, 5), (8, 10, 3))])
        self.acts = nn.ModuleList([nn.SiLU(), nn.GELU(), nn.Mish()])
        self.fc = nn.Linear(10, CLASSES)

    def forward(self, x):
        for conv, act in zip(self.convs, self.acts):
            rows, columns = [max(((n + 1) // 2 - 1) * 2 + conv.kernel_size[0] - n, 0) for n in x.shape[2:]]
            x = act(conv(F.pad(x, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


SIZE = (64, 96)
SMALL = {
    "vgg": entry(partial(thin_vgg, [4, "M", 6, "M", 8, 8, "M", 8, 8], False), {"/2": "features.4", "/4": "features.9", "/8": "avgpool"}, (56, 56), fixed=True),
    "vgg_bn": entry(partial(thin_vgg, [4, "M", 6, "M", 8, 8, "M", 8], True), {"/4": "features.13", "/8": "features.17"}, (112, 112), fixed=True, opset=11),
    "resnet_basic": entry(partial(thin_resnet, resnet.BasicBlock), RESNET, SIZE, opset=11),
    "resnet_bottleneck": entry(partial(thin_resnet, resnet.Bottleneck), RESNET, SIZE, opset=13),
    "resnext": entry(partial(thin_resnet, resnet.Bottleneck, groups=4, width_per_group=32), RESNET, SIZE),
    "resnet_dilated": entry(partial(thin_resnet, resnet.Bottleneck, replace_stride_with_dilation=[False, True, True]),
                            {"/4": "layer1", "/8": "layer4"}, SIZE),
    "googlenet": entry(thin_googlenet, {"/8": "inception3b", "/16": "inception4e", "/32": "inception5b"}, (65, 97)),
    "inception_v3": entry(thin_inception, {"/8": "Mixed_5d", "/16": "Mixed_6e", "/32": "Mixed_7c"}, (107, 139), export_size=(139, 139)),
    "densenet": entry(lambda: densenet.DenseNet(4, (2, 2, 2, 2), 8, 2, num_classes=CLASSES),
                      {"/8": "features.transition2.relu", "/16": "features.transition3.relu", "/32": "features"}, SIZE),
    "squeezenet": entry(thin_squeezenet, {"/4": "features.3", "/8": "features.5", "features": "features.7", "/16": "classifier.2"}, (65, 90)),
    "mobilenet_v2": entry(thin_mobilenet_v2, {"/8": "features.6.conv.0", "/16": "features.8.conv.0", "/32": "features.10"}, SIZE, opset=12),
    "mobilenet_v3": entry(thin_mobilenet_v3, {"/8": "features.5.block.0", "/16": "features.7.block.0", "/32": "features.9"}, SIZE, opset=14),
    "mnasnet": entry(thin_mnasnet, {"/8": "layers.10.0.layers.2", "/16": "layers.12.0.layers.2", "/32": "layers.16"}, SIZE, opset=12),
    "shufflenet_v2": entry(lambda: shufflenetv2.ShuffleNetV2([2, 2, 2], [8, 8, 16, 32, 32], num_classes=CLASSES),
                           {"/8": "stage2", "/16": "stage3", "/32": "conv5"}, SIZE, opset=11),
    "efficientnet": entry(thin_efficientnet, {"/8": "features.4.0.block.0", "/16": "features.6.0.block.0", "/32": "features.7"}, SIZE, opset=16),
    "regnet_y": entry(thin_regnet, {"/8": "trunk_output.block2", "/16": "trunk_output.block3", "/32": "trunk_output.block4"}, SIZE),
    "convnext": entry(thin_convnext, {"/8": "features.3", "/16": "features.5", "/32": "features.7"}, SIZE, opset=15),
    "convnext_layernorm": entry(thin_convnext, {"/8": "features.3", "/16": "features.5", "/32": "features.7"}, SIZE, opset=17),
    "vit": entry(thin_vit, {"/16": "encoder.layers.encoder_layer_1", "ln_1": "encoder.layers.encoder_layer_2.ln_1"}, (64, 64),
                 opset=17, fixed=True, tokens=(1, 4, 4)),
    "swin": entry(thin_swin, {"/4": "features.1", "/8": "features.3", "norm": "norm"}, (32, 32), opset=17, fixed=True, last=True),
    "padded": entry(PaddedNet, {"/2": "acts.0", "/4": "acts.1", "/8": "acts.2"}, (37, 50), opset=11),
}
for name in ("resnet_bottleneck", "mobilenet_v3", "convnext", "shufflenet_v2"):
    SMALL[f"{name}_dynamo"] = dict(SMALL[name], opset=18, dynamo=True)
SMALL["vit_dynamo"] = dict(SMALL["vit"], opset=18, dynamo=True)
