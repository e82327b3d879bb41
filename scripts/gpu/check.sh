#!/usr/bin/env bash
# Measures a device of ONNX Runtime against the processor, and CUDA against PyTorch, and writes JSON.
#
#   scripts/gpu/check.sh DEVICE OUT_FOLDER VOC_ROOT [RUN,...]
#
# DEVICE: cuda or webgpu. VOC_ROOT needs ImageSets/Segmentation/gpu.txt, the photographs of the list, and masks for their classes. RUN: see
# seeds.mjs. Needs Node with the packages of this folder, and a Python with torch, torchvision, onnx and onnxruntime.
# NETWORKS=FOLDER uses networks that `networks.py export` has written there; if it is still at work, they are waited for.
set -uo pipefail
device=$1 out=$2 voc=$3 runs=${4:-}
here=$(dirname "$0")
networks=${NETWORKS:-/tmp/voc-seeds-networks} size=${SIZE:-448} batches=${BATCHES:-1,8,32}
mkdir -p "$out" "$networks"
step() { echo "== $(date +%T) $*"; }

step doctor
timeout 60 node bin/voc-seeds.js doctor --json >"$out/doctor_$device.json" 2>"$out/doctor_$device.txt"
timeout 60 node bin/voc-seeds.js doctor 2>&1 | head -30
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader >"$out/gpu.txt" 2>&1

step networks
[ -e "$networks/regnet_y_400mf.onnx" ] || [ -n "${NETWORKS:-}" ] || python3 "$here/networks.py" export "$networks"
for _ in $(seq 60); do [ -e "$networks/regnet_y_400mf.onnx" ] && break; sleep 1; done
node "$here/programs.mjs" images "$networks" - --size 224 --batches 1
[ -e "$networks/images_$size.f32" ] || node "$here/programs.mjs" images "$networks" - --size "$size" --batches "$batches"

step programs
timeout "${CHECK_LIMIT:-120}" node "$here/programs.mjs" check "$networks" "$out/check_$device.json" --devices "$device" 2>&1 | cut -c1-420

if [ "$device" = cuda ]; then
  step float16
  timeout 60 python3 "$here/half.py" "$networks/bundled_program.bin" "$networks/bundled_half.onnx" 2>&1 | tail -1
  timeout 60 python3 "$here/half.py" "$networks/resnet50_program.bin" "$networks/resnet50_half.onnx" 2>&1 | tail -1
  timeout 60 node "$here/programs.mjs" check "$networks" "$out/check_half.json" --devices cuda --networks bundled,resnet50 2>&1 | grep float16 | cut -c1-400
  step TF32
  NVIDIA_TF32_OVERRIDE=1 timeout 60 node "$here/programs.mjs" check "$networks" "$out/check_tf32.json" --devices cuda 2>&1 | cut -c1-300
  NVIDIA_TF32_OVERRIDE=1 timeout 80 node "$here/programs.mjs" rates "$networks" "$out/rates_tf32.json" --devices cuda --size "$size" --batches "$batches"
  step PyTorch
  layers=$(node "$here/layers.mjs")
  timeout 100 python3 "$here/networks.py" rates "$networks" "$out/rates_torch.json" --device cuda --model data/models/efficientnet_lite0_voc.onnx --layers "$layers" --size "$size" --batches "$batches"
fi

step rates
timeout "${RATES_LIMIT:-120}" node "$here/programs.mjs" rates "$networks" "$out/rates_$device.json" --devices "$device" --size "$size" --batches "$batches"

if [ -n "$runs" ]; then
  step seeds
  timeout "${SEEDS_LIMIT:-200}" node "$here/seeds.mjs" "$voc" "$out/seeds_$device.json" --split gpu --labels masks --runs "$runs" 2>&1 | cut -c1-400
fi
step done
