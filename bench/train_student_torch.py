"""PyTorch's side of `npm run bench -- train-student`: for each line on standard input the timed views of one round and one training step.

    python3 bench/train_student_torch.py FOLDER

The folder has the frozen part and the trained part of the student as ONNX files, and their inputs as float32. The networks are these
graphs in plain torch operators (torch_network.py). The loss is the cross-entropy of the softmax over the labels that an image has.
"""
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from torch_network import Network

folder = Path(sys.argv[1])
task = json.loads((folder / 'task.json').read_text())
torch.set_num_threads(task['threads'])
lower, upper = Network(folder / 'lower.onnx'), Network(folder / 'upper.onnx')
names = [feature['name'] for feature in task['features']]
weights = dict(zip(upper.trainable_names(), upper.make_trainable()))
groups = {True: [], False: []}
for parameter in task['parameters']:
    groups[parameter['head']].append(weights.pop(parameter['name']))
assert not weights, f'weights that only PyTorch would train: {list(weights)}'
optimiser = torch.optim.AdamW([{'params': groups[True]}, {'params': groups[False]}], lr=0.0, weight_decay=task['weightDecay'])


def read(name, *dims):
    return torch.from_numpy(np.fromfile(folder / f'{name}.f32', dtype=np.float32).reshape(dims))


batch, labels = task['batch'], task['labels']
views = read('view', 1, *task['image']).repeat(task['threads'], 1, 1, 1)
features = {feature['name']: read(f'feature{i}', batch, *feature['dims']) for i, feature in enumerate(task['features'])}
targets = read('targets', batch, labels, *task['grid'])
present = read('present', batch, labels, 1, 1)
print('ready', flush=True)


def cost_of(action):
    start, used = time.perf_counter(), time.process_time()
    result = action()
    return result, {'wall': 1000 * (time.perf_counter() - start), 'cpu': 1000 * (time.process_time() - used)}


def one_round_of_views():
    with torch.no_grad():
        lower.forward(views, keep=names)


def one_step():
    optimiser.zero_grad()
    logits = upper.forward(features, keep=[upper.output])[upper.output]
    loss = -(targets * F.log_softmax(logits + present, dim=1)).sum()
    loss.backward()
    optimiser.step()
    return loss


for _ in sys.stdin:
    _, of_view = cost_of(one_round_of_views)
    loss, of_step = cost_of(one_step)
    print(json.dumps({'view': of_view, 'step': of_step, 'loss': float(loss.detach())}), flush=True)
