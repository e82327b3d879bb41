"""A program in half precision; its inputs and outputs stay float32.

    python3 half.py PROGRAM.bin HALF.onnx
"""
import sys

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

onnx.save(convert_float_to_float16(onnx.load(sys.argv[1]), keep_io_types=True, disable_shape_infer=False), sys.argv[2])
