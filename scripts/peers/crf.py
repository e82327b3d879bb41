"""Compares voc-seeds' refiners with the dense CRF of IRN and PSA, on the same maps.

    pip install numpy pillow pydensecrf2
    for refine in none random-walk:beta=600 pamr; do
      voc-seeds generate --voc-root VOC2012 --split tune-and-score.txt --labels masks --config best --refine $refine --save-cams --out maps/$refine
    done
    python scripts/peers/crf.py --voc-root VOC2012 --maps maps/none --refined maps/random-walk:beta=600 --refined maps/pamr \
      --tune-on tune.txt --score-on score.txt

Thresholds (alpha for PSA) are chosen on the first list and used on the second. The settings of the CRF are those of the published
programs: IRN takes labels that are right with probability 0.7, PSA maps as probabilities with (1 - max)^alpha as background.
The candidates suit maps of the presets `fast` and `best`, which are brightened by a gamma of 3: if the best one is the first or the last of its
list, the output says so. Intervals are those of a paired bootstrap over the images that are scored; the difference is to the first --refined.
"""
import argparse
import json
import time
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from PIL import Image
import pydensecrf.densecrf as dcrf
from pydensecrf.utils import unary_from_labels, unary_from_softmax

CLASSES = 21
THRESHOLDS = [round(0.02 * i, 2) for i in range(5, 46)]
CRF_THRESHOLDS = [0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85]
ALPHAS = [0.25, 0.5, 0.7, 1, 1.4, 2, 4]
STEPS = 10
RESAMPLES = 1000


def load(folder, name):
    """The maps [K, H, W] and their labels."""
    with np.load(Path(folder) / 'cams' / f'{name}.npz') as file:
        return file['maps'], file['keys']


def seeds(maps, keys, threshold):
    strongest = maps.argmax(0)
    return np.where(maps.max(0) > threshold, keys[strongest], 0)


def irn(image, maps, keys, threshold):
    labels = np.where(maps.max(0) > threshold, maps.argmax(0) + 1, 0)
    count = len(keys) + 1
    unary = unary_from_labels(labels, count, gt_prob=0.7, zero_unsure=False)
    chosen = solve(image, unary, count, gaussian=3, spatial=50, colour=5)
    return np.concatenate([[0], keys])[chosen]


def psa(image, maps, keys, alpha):
    background = (1 - maps.max(0, keepdims=True)) ** alpha
    # PSA gives the CRF all maps as they are, not made to sum to 1.
    unary = unary_from_softmax(np.concatenate([background, maps]).astype(np.float32))
    chosen = solve(image, unary, len(keys) + 1, gaussian=3, spatial=80, colour=13)
    return np.concatenate([[0], keys])[chosen]


def solve(image, unary, count, gaussian, spatial, colour):
    height, width = image.shape[:2]
    crf = dcrf.DenseCRF2D(width, height, count)
    crf.setUnaryEnergy(np.ascontiguousarray(unary))
    crf.addPairwiseGaussian(sxy=gaussian, compat=3)
    crf.addPairwiseBilateral(sxy=spatial, srgb=colour, rgbim=np.ascontiguousarray(image), compat=10)
    return np.argmax(crf.inference(STEPS), axis=0).reshape(height, width)


def count(truth, labels):
    used = truth < CLASSES
    return np.bincount(CLASSES * truth[used].astype(int) + labels[used], minlength=CLASSES ** 2).reshape(CLASSES, CLASSES)


def miou(matrix):
    hit = np.diag(matrix)
    union = matrix.sum(0) + matrix.sum(1) - hit
    return 100 * np.nanmean(np.where(union > 0, hit / np.maximum(union, 1), np.nan))


def measure(task):
    """The confusion matrices of an image by way and parameter, and the seconds of one CRF of each kind."""
    options, name, parameters = task
    root = Path(options.voc_root)
    image = np.array(Image.open(root / 'JPEGImages' / f'{name}.jpg').convert('RGB'))
    truth = np.array(Image.open(root / 'SegmentationClass' / f'{name}.png'))
    maps, keys = load(options.maps, name)
    result, seconds = {}, {}
    for folder in [options.maps, *options.refined]:
        own = maps if folder == options.maps else load(folder, name)[0]
        for threshold in parameters.get(folder, THRESHOLDS):
            result[folder, threshold] = count(truth, seeds(own, keys, threshold))
    for way, solver, choices in [('IRN', irn, CRF_THRESHOLDS), ('PSA', psa, ALPHAS)]:
        used = parameters.get(way, choices)
        start = time.process_time()
        for parameter in used:
            result[way, parameter] = count(truth, solver(image, maps, keys, parameter))
        seconds[way] = (time.process_time() - start) / len(used)
    return result, seconds


def added(options, names, parameters):
    sums, seconds, images = {}, {'IRN': 0, 'PSA': 0}, {}
    with Pool(options.processes) as pool:
        for result, own in pool.imap(measure, [(options, name, parameters) for name in names]):
            for key, matrix in result.items():
                sums[key] = sums.get(key, 0) + matrix
                if parameters:
                    images.setdefault(key[0], []).append(matrix)
            for way in seconds:
                seconds[way] += own[way] / len(names)
    return sums, seconds, {way: np.array(matrices) for way, matrices in images.items()}


def intervals(images, base):
    """The 95 % intervals of each way, and of its difference to `base`."""
    random = np.random.default_rng(0)
    count = len(images[base])
    draws = [np.bincount(random.integers(0, count, count), minlength=count) for _ in range(RESAMPLES)]
    means = {way: np.array([miou(np.tensordot(draw, matrices, 1)) for draw in draws]) for way, matrices in images.items()}
    middle = lambda values: [round(value, 2) for value in np.percentile(values, [2.5, 97.5])]
    return {way: {'interval': middle(own), 'difference': middle(own - means[base])} for way, own in means.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--voc-root', required=True)
    parser.add_argument('--maps', required=True, help='a run of generate with --save-cams and --refine none')
    parser.add_argument('--refined', action='append', default=[], help='the same with a refiner; may be repeated')
    parser.add_argument('--tune-on', required=True)
    parser.add_argument('--score-on', required=True)
    parser.add_argument('--processes', type=int, default=2)
    options = parser.parse_args()
    tune, score = (Path(path).read_text().split() for path in (options.tune_on, options.score_on))
    tuned, _, _ = added(options, tune, {})
    best = {}
    for way, parameter in tuned:
        if way not in best or miou(tuned[way, parameter]) > miou(tuned[way, best[way]]):
            best[way] = parameter
    scored, seconds, images = added(options, score, {way: [parameter] for way, parameter in best.items()})
    spread = intervals(images, options.refined[0] if options.refined else options.maps)
    edges = {'IRN': (CRF_THRESHOLDS[0], CRF_THRESHOLDS[-1]), 'PSA': (ALPHAS[0], ALPHAS[-1])}
    print(json.dumps({
        'tunedOn': len(tune), 'scoredOn': len(score),
        'ways': {way: {
            'parameter': parameter, 'tuned': round(miou(tuned[way, parameter]), 2), 'scored': round(miou(scored[way, parameter]), 2),
            **spread[way], **({'secondsPerImage': round(seconds[way], 3)} if way in seconds else {}),
            **({'atTheEdge': True} if parameter in edges.get(way, ()) else {}),
        } for way, parameter in best.items()},
    }, indent=2))


if __name__ == '__main__':
    main()
