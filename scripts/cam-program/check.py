"""Compares programs of `voc-seeds model cam-program`, run by ONNX Runtime in Python, with the maps of `voc-seeds cam`.

    pip install onnx onnxruntime numpy pillow
    npm run build && python scripts/cam-program/check.py                 # the bundled classifier on the sample
    python scripts/cam-program/check.py --models ../shared/models        # also the classifiers of that folder

Every program passes onnx.checker. The exit code is 1 if a map differs by more than 1e-5.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from PIL import Image

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
LIMIT = 1e-5

# Height and width of the photograph, and the indices of the classes.
CASES = [((224, 224), [14]), ((225, 301), [2, 11, 7]), ((320, 427), [0, 5, 9, 14, 19]), ((97, 131), [3, 4])]
# Flags of the program, which `cam` understands as well.
VARIANTS = [
    ['--config', 'fast'],
    ['--config', 'paper'],
    ['--config', 'paper', '--fuse', 'mean', '--scale-layers', 'none', '--layer-norm', 'none', '--map-norm', 'none'],
    ['--config', 'paper', '--align-corners', '--method', 'grad-cam++', '--target', 'softmax'],
    ['--config', 'paper', '--upsample', 'nearest', '--layers', '/16,/32'],
]


def voc_seeds(*args):
    done = subprocess.run(['node', os.path.join(ROOT, 'bin', 'voc-seeds.js'), *args], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f'voc-seeds {" ".join(args)}:\n{done.stderr}')
    return done.stdout


def classifiers(folder):
    yield 'bundled', []
    if folder is None:
        return
    for name, preprocess, classes in [('mobilenet_v1', 'tensorflow', 1001), ('mobilenet_v2', 'tensorflow', 1001), ('googlenet', 'caffe', 1000)]:
        yield name, [
            '--model', os.path.join(folder, f'{name}_imagenet.onnx'), '--logits', 'logits', '--preprocess', preprocess,
            '--classes', os.path.join(folder, f'labels_{classes}.txt'),
        ]


def photographs(folder):
    source = os.path.join(ROOT, 'data', 'sample', 'JPEGImages')
    names = sorted(os.listdir(source))
    for i, ((height, width), classes) in enumerate(CASES):
        image = Image.open(os.path.join(source, names[i % len(names)])).convert('RGB').resize((width, height), Image.BICUBIC)
        path = os.path.join(folder, f'photo{i}.png')
        image.save(path)
        yield path, np.asarray(image), classes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--models')
    options = parser.parse_args()
    print(f'onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}')
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        photos = list(photographs(folder))
        program = os.path.join(folder, 'program.onnx')
        for name, model in classifiers(options.models):
            for variant in VARIANTS:
                voc_seeds('model', 'cam-program', program, *model, *variant, '--size-input')
                onnx.checker.check_model(program, full_check=True)
                session = onnxruntime.InferenceSession(program, providers=['CPUExecutionProvider'])
                largest = 0.0
                for path, pixels, classes in photos:
                    voc_seeds('cam', path, *model, *variant, '--input-size', 'native', '--class', ','.join(map(str, classes)), '--npz', '--out', folder)
                    expected = np.load(path.replace('.png', '.npz'))['maps']
                    maps = session.run(['maps'], {
                        'image': pixels[np.newaxis], 'classes': np.array(classes), 'size': np.array(pixels.shape[:2]),
                    })[0]
                    assert maps.shape == expected.shape, (maps.shape, expected.shape)
                    scale = max(1.0, float(np.abs(expected).max()))
                    largest = max(largest, float(np.abs(maps - expected).max()) / scale)
                print(f'{name:13s} {" ".join(variant):110s} {largest:.1e}', flush=True)
                worst = max(worst, largest)
    print(json.dumps({'worst': worst}))
    sys.exit(0 if worst <= LIMIT else 1)


if __name__ == '__main__':
    main()
