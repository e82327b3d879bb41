"""PyTorch's side of `npm run bench -- pamr`: for each line on standard input one timed PAMR by each of two ways.

    python3 bench/pamr_torch.py FOLDER HEIGHT WIDTH CLASSES THREADS

FOLDER holds `image` (uint8 RGB) and `maps` (float32), and `refined`, the result to compare with.
"""
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

folder = Path(sys.argv[1])
height, width, classes, threads = map(int, sys.argv[2:6])
DILATIONS, ITERATIONS = (1, 2, 4, 8, 12, 24), 10
torch.set_num_threads(threads)
image = torch.tensor(np.fromfile(folder / 'image', np.uint8).reshape(height, width, 3)).permute(2, 0, 1)[None].float() / 255
maps = torch.tensor(np.fromfile(folder / 'maps', np.float32).reshape(1, classes, height, width))

PLACES = [(y, x) for y in range(3) for x in range(3)]
RING = [i for i, place in enumerate(PLACES) if place != (1, 1)]
ALL = torch.eye(9).view(9, 1, 3, 3)
NEAR = ALL[RING]


def by_convolutions(planes, kernels):
    b, c, h, w = planes.shape
    single = planes.view(b * c, 1, h, w)
    parts = [F.conv2d(F.pad(single, [d] * 4, mode='replicate'), kernels, dilation=d) for d in DILATIONS]
    return torch.cat(parts, 1).view(b, c, -1, h, w)


def by_slices(planes, kernels):
    h, w = planes.shape[2:]
    reach = max(DILATIONS)
    padded = F.pad(planes, [reach] * 4, mode='replicate')
    places = PLACES if len(kernels) == 9 else [PLACES[i] for i in RING]
    rows = [(reach + (y - 1) * d, reach + (x - 1) * d) for d in DILATIONS for y, x in places]
    return torch.stack([padded[:, :, y:y + h, x:x + w] for y, x in rows], 2)


def affinities(gather):
    deviation = gather(image, ALL).std(2, keepdim=True)
    k = -(gather(image, NEAR) - image[:, :, None]).abs() / (1e-8 + 0.1 * deviation)
    return torch.softmax(k.mean(1, keepdim=True), 2)


def pamr_convolutions():
    a, m = affinities(by_convolutions), maps
    for _ in range(ITERATIONS):
        m = (by_convolutions(m, NEAR) * a).sum(2)
    return m


def pamr_slices():
    """The neighbours are never laid side by side: each is multiplied and added where it is."""
    a, m = affinities(by_slices)[:, 0], maps
    reach = max(DILATIONS)
    for _ in range(ITERATIONS):
        padded = F.pad(m, [reach] * 4, mode='replicate')
        m = torch.zeros_like(m)
        for n, (d, i) in enumerate((d, i) for d in DILATIONS for i in RING):
            y, x = reach + (PLACES[i][0] - 1) * d, reach + (PLACES[i][1] - 1) * d
            m.addcmul_(padded[:, :, y:y + height, x:x + width], a[:, n:n + 1])
    return m


print('ready', flush=True)
for _ in sys.stdin:
    result = {}
    refined = torch.tensor(np.fromfile(folder / 'refined', np.float32).reshape(maps.shape))
    for name, function in (('convolutions', pamr_convolutions), ('slices', pamr_slices)):
        with torch.inference_mode():
            start = time.perf_counter()
            expected = function()
            result[name] = 1000 * (time.perf_counter() - start)
        error = float((expected - refined).abs().max())
        if error > 2e-5:
            raise SystemExit(f'{name}: the results differ by {error}')
    print(json.dumps(result), flush=True)
