import { z } from 'zod';
import { axis, checkedBy } from '../setting.js';
import { parsePositiveNumbers } from '../text/lists.js';
import { parseRefiners, REFINERS } from './refine/refiners.js';
import { parseUpsampler, UPSAMPLERS } from './refine/upsamplers.js';

const [fusing, scaling, refining] = ['Fusing layers', 'Scales and mirror images', 'Refining'];

const severalViews = ({ scales, flip }: { scales: number[]; flip: boolean }): string | undefined => (
  scales.length > 1 || flip ? undefined : 'several scales, or --flip');

/** How the maps of layers and views are combined into one map per class. */
export const fusionSettings = {
  layerNorm: axis(z.enum(['max', 'none']).default('max'), { group: fusing, value: 'norm', help: 'divide each layer\'s map by its maximum' }),
  scaleLayers: axis(z.enum(['shallow', 'all', 'none']).default('shallow'), {
    group: fusing, value: 'which', help: 'layers scaled by tanh(gamma x); shallow: all but the deepest', named: (value) => `scale ${value}`,
    needs: ({ layerCount, scaleLayers }: { layerCount: number; scaleLayers: string }) => (
      layerCount > 1 || scaleLayers === 'all' ? undefined : 'several layers, or all'),
  }),
  gamma: axis(z.number().positive().default(2), {
    group: fusing, value: 'g', help: 'the gamma of tanh(gamma x)',
    needs: ({ layerCount, scaleLayers }: { layerCount: number; scaleLayers: string }) => {
      if (scaleLayers === 'none') return '--scale-layers shallow or all';
      return scaleLayers === 'all' || layerCount > 1 ? undefined : 'several layers, or --scale-layers all';
    },
  }),
  fuse: axis(z.enum(['max', 'mean']).default('max'), {
    group: fusing, value: 'how', help: 'fuse layers by their maximum or mean', named: (value) => value,
    needs: ({ layerCount }: { layerCount: number }) => (layerCount > 1 ? undefined : 'several layers'),
  }),
  upsample: axis(z.enum(['bilinear', 'nearest']).default('bilinear'), { group: fusing, value: 'how', help: 'how maps are upsampled to the size of the photograph', named: (value) => value }),
  alignCorners: axis(z.boolean().default(false), {
    group: fusing, help: 'align corner pixels with corner cells instead of using half-pixel centres', off: 'use half-pixel centres',
    named: (value) => (value ? 'corners aligned' : 'half-pixel centres'),
  }),
  mapNorm: axis(z.enum(['max', 'none']).default('max'), { group: fusing, value: 'norm', help: 'divide each class\'s fused map by its maximum' }),
  scales: axis(z.array(z.number().positive()).min(1).default([1]), {
    group: scaling, value: 's,...', help: 'show the photograph to the network at these multiples of the input size', parse: parsePositiveNumbers,
    named: (value) => `x${value.join(',')}`,
  }),
  flip: axis(z.boolean().default(false), {
    group: scaling, help: 'also show it mirrored', off: 'do not show it mirrored', named: (value) => (value ? 'flip' : 'no flip'),
  }),
  scaleNorm: axis(z.enum(['max', 'none']).default('max'), {
    group: scaling, value: 'norm', help: 'divide the map of each scale by its maximum', needs: severalViews,
  }),
  scaleFuse: axis(z.enum(['mean', 'max']).default('mean'), {
    group: scaling, value: 'how', help: 'combine scales and mirror images by their mean or maximum', named: (value) => `scales by ${value}`,
    needs: severalViews,
  }),
  fuseFirst: axis(z.enum(['layers', 'scales']).default('layers'), {
    group: scaling, value: 'what', help: 'fuse the layers of each scale first, or the scales of each layer', named: (value) => `${value} first`,
    needs: severalViews,
  }),
};

/** How maps are refined by the photograph's colours. */
export const refineSettings = {
  edgeUpsample: axis(checkedBy(z.string(), (text) => { if (text.trim() !== 'none') parseUpsampler(text); }).default('none'), {
    group: refining, value: 'how', help: `upsample along the photograph's edges: ${Object.keys(UPSAMPLERS).join(', ')}; none: by --upsample`,
    named: (value) => (value === 'none' ? 'plain upsampling' : `upsampled by ${value}`),
  }),
  refine: axis(checkedBy(z.string(), parseRefiners).default('none'), {
    group: refining, value: 'refiner,...',
    help: `refine the maps by the photograph's colours: ${Object.keys(REFINERS).join(', ')}, with options like pamr:iterations=5, or none`,
    named: (value) => (value === 'none' ? 'unrefined' : value),
  }),
  refineNorm: axis(z.enum(['max', 'none']).default('max'), {
    group: refining, value: 'norm', help: 'divide each refined map by its maximum',
    needs: ({ refine }: { refine: string }) => (['', 'none'].includes(refine.trim()) ? '--refine' : undefined),
  }),
};
