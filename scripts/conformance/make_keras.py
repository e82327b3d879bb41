"""Writes ../../test/fixtures/conformance/keras*.onnx and .json: small Keras networks as tf2onnx converts them, with NHWC
inputs, and the maps that TensorFlow's own gradients give, in float64.

    python make_keras.py

Needs tensorflow, keras, tf2onnx and numpy.
"""

import base64
import json
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras import layers as L

from image import as_input, pixels_of

FOLDER = Path(__file__).parents[2] / "test/fixtures/conformance"
CLASSES = 5


def conv(x, channels, kernel=3, strides=1, activation="relu", name=None, **options):
    x = L.Conv2D(channels, kernel, strides, padding="same", use_bias=False, **options)(x)
    x = L.BatchNormalization()(x)
    return L.Activation(activation, name=name)(x) if activation else x


def depthwise(x, kernel, strides, activation):
    x = L.DepthwiseConv2D(kernel, strides, padding="same", use_bias=False)(x)
    return L.Activation(activation)(L.BatchNormalization()(x))


def gate(x, channels):
    """Squeeze and excitation."""
    s = L.Reshape((1, 1, channels))(L.GlobalAveragePooling2D()(x))
    s = L.Conv2D(4, 1, activation="swish")(s)
    return L.Multiply()([x, L.Conv2D(channels, 1, activation="sigmoid")(s)])


def mobile(x):
    x = conv(x, 8, strides=2, activation="swish")
    x = gate(depthwise(x, 3, 2, "swish"), 8)
    x = conv(x, 12, 1, activation=None)
    y = conv(conv(x, 24, 1, activation="swish"), 12, 3, activation=None)
    x = conv(L.Add()([x, y]), 24, 1, activation="swish", name="stage4")
    x = conv(depthwise(x, 5, 2, "relu6"), 16, 1, activation="relu6", name="stage8")
    return L.Dense(CLASSES)(L.Dropout(0.2)(L.GlobalAveragePooling2D()(x)))


def residual(x):
    x = L.ZeroPadding2D(3)(x)
    x = L.Activation("relu")(L.BatchNormalization()(L.Conv2D(8, 7, 2)(x)))
    x = L.MaxPooling2D(3, 2, padding="same")(x)
    y = L.Concatenate()([conv(x, 6), L.AveragePooling2D(3, 1, padding="same")(x)])
    x = L.Activation("relu", name="stage4")(L.Add()([conv(x, 14, 1, activation=None), y]))
    x = L.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = L.LeakyReLU(negative_slope=0.1, name="stage8")(L.BatchNormalization()(L.SeparableConv2D(16, 3, 2)(x)))
    return L.Dense(CLASSES)(L.Flatten()(L.GlobalMaxPooling2D()(x)))


def built(network, dtype):
    keras.config.set_floatx(dtype)
    image = keras.Input((None, None, 3), name="image")
    return keras.Model(image, network(image))


def maps_of(model, image, classes, names):
    inner = keras.Model(model.input, [model.get_layer(name).output for name in names] + [model.output])
    with tf.GradientTape(persistent=True) as tape:
        x = tf.convert_to_tensor(image)
        tape.watch(x)
        *tensors, logits = inner(x, training=False)
        scores = [logits[0, c] for c in classes]
    result = {}
    for name, a in zip(names, tensors):
        gradient = tf.concat([tape.gradient(score, a) for score in scores], 0)
        methods = {"layer-cam": tf.nn.relu(gradient), "grad-cam": tf.reduce_mean(gradient, (1, 2), keepdims=True), "hires-cam": gradient}
        result[name] = a, {method: tf.nn.relu(tf.reduce_sum(weight * a, -1)).numpy() for method, weight in methods.items()}
    return logits.numpy(), result


def encode(values):
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def make(name, network, size):
    keras.utils.set_random_seed(1)
    single, double = built(network, "float32"), built(network, "float64")
    rng = np.random.default_rng(0)
    for layer in single.layers:
        if isinstance(layer, L.BatchNormalization):
            shape = layer.get_weights()[0].shape
            layer.set_weights([rng.uniform(0.5, 1.5, shape), rng.normal(0, 0.3, shape), rng.normal(0, 0.1, shape), rng.uniform(0.5, 1.2, shape)])
    double.set_weights(single.get_weights())
    keras.config.set_floatx("float32")
    call = tf.function(lambda image: single(image, training=False))
    exported, _ = tf2onnx.convert.from_function(call, [tf.TensorSpec((None, None, None, 3), tf.float32, name="image")], opset=15)
    exported.graph.output[0].name, old = "logits", exported.graph.output[0].name
    for node in exported.graph.node:
        node.output[:] = ["logits" if each == old else each for each in node.output]
    names = {"/4": "stage4", "/8": "stage8"}
    image = as_input(pixels_of(1, size)).transpose(0, 2, 3, 1)
    classes = np.argsort(double(image, training=False).numpy()[0])[-2:].tolist()
    logits, expected = maps_of(double, image, classes, names.values())
    _, rounded = maps_of(single, image.astype(np.float32), classes, names.values())
    stored = []
    for key, layer in names.items():
        (a, maps), (_, other) = expected[layer], rounded[layer]
        tensors = [output for node in exported.graph.node for output in node.output if f"/{layer}" in output and node.op_type != "Transpose"]
        methods = {}
        for method, values in maps.items():
            noise = float(np.abs(other[method] - values).max() / values.max())
            assert noise < 1e-5, f"{name}: a kink is too near at {layer}"
            methods[method] = dict(noise=float(f"{noise:.1e}"), map=encode(values))
        stored.append(dict(key=key, tensor=tensors[-1], channels=int(a.shape[3]), shape=[int(a.shape[1]), int(a.shape[2])], methods=methods))
    onnx.save(exported, FOLDER / f"{name}.onnx")
    content = dict(name=name, tensorflow=tf.__version__, opset=15, exporter="tf2onnx", fixed=False, size=list(size), image=1, classes=classes,
                   logits=encode(logits), layers=stored)
    (FOLDER / f"{name}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
    print(name, [layer["tensor"] for layer in stored], sorted({node.op_type for node in exported.graph.node}))


if __name__ == "__main__":
    make("keras_mobile", mobile, (50, 67))
    make("keras_residual", residual, (50, 67))
