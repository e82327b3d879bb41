"""Makes the references of the conformance test.

    python make.py small [name ...]        writes ../../test/fixtures/conformance/<name>.onnx and .json
    python make.py full FOLDER name ...    writes the same for networks of full size into a folder
    python make.py list                    the names of the networks of full size, as JSON

Needs torch, torchvision, numpy, onnx, onnxscript and onnxruntime.
"""

import json
import sys
from pathlib import Path

import onnx
import torch

import zoo
from reference import reference

SMALL = Path(__file__).parents[2] / "test/fixtures/conformance"
CONDITIONED = 2e-5


def write(folder, file, exported, expected):
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(exported, folder / f"{file}.onnx")
    (folder / f"{file}.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


def small(name):
    exported, expected = reference(name, draws=60, quiet=5e-6, **zoo.SMALL[name])
    for layer in expected["layers"]:
        # A method that divides by a sum of both signs, or adds up what cancels, may be at the mercy of rounding.
        # Those of other targets are only compared at full size.
        layer["methods"] = {method: values for method, values in layer["methods"].items() if values["noise"] <= CONDITIONED and " " not in method}
        assert "layer-cam" in layer["methods"], f"{name}: a kink is too near at {layer['key']}"
    write(SMALL, name, exported, expected)
    size = (SMALL / f"{name}.onnx").stat().st_size
    print(name, f"{size / 1000:.0f} kB, image {expected['image']}:", *[f"{v['key']} = {v['tensor']}{v['shape']}, {len(v['methods'])} methods;" for v in expected["layers"]],
          flush=True)


def full(folder, name):
    exported, expected = reference(name, **zoo.FULL[name])
    write(Path(folder), name, exported, expected)


if __name__ == "__main__":
    torch.set_num_threads(1)
    match sys.argv[1:]:
        case ["list"]:
            print(json.dumps(list(zoo.FULL)))
        case ["small", *names]:
            for each in names or zoo.SMALL:
                small(each)
        case ["full", folder, *names]:
            for each in names:
                full(folder, each)
        case _:
            sys.exit(__doc__)
