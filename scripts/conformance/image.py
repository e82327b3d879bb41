"""The images of the conformance test; reference.mjs draws the same."""

import math

import numpy as np

CELL = 12
"""Pixels per blob of colour."""


def pixels_of(seed, size, channels=3):
    """uint8 [1, 3, H, W], blobs of colour with noise on them, from a generator that is easy to write in any language:
    state = 1664525 state + 1013904223 modulo 2^32, of which the highest 8 bits are taken. Blobs are drawn first, row by
    row and channel by channel, then noise; a pixel is (3 blob + noise) / 4, rounded down."""
    state = seed & 0xFFFFFFFF

    def draw(*shape):
        nonlocal state
        values = np.empty(math.prod(shape), np.int64)
        for i in range(len(values)):
            state = (1664525 * state + 1013904223) & 0xFFFFFFFF
            values[i] = state >> 24
        return values.reshape(shape)

    h, w = size
    blobs = draw(channels, -(-h // CELL), -(-w // CELL)).repeat(CELL, 1).repeat(CELL, 2)[:, :h, :w]
    return ((3 * blobs + draw(channels, h, w)) >> 2).astype(np.uint8)[None]


def as_input(pixels):
    """What a network is shown: float64, exact in float32."""
    return pixels.astype(np.float64) / 64 - 2
