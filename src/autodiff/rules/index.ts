import type { GradientRule } from '../rule.js';
import { activations } from './activation.js';
import { arithmetic } from './arithmetic.js';
import { arranging } from './arranging.js';
import { convolutions } from './convolution.js';
import { cutting } from './cutting.js';
import { logic } from './logic.js';
import { matrices } from './matrix.js';
import { normalisations } from './normalisation.js';
import { pooling } from './pooling.js';
import { reductions } from './reduction.js';
import { resizing } from './resizing.js';

/** The gradient rule of every operator that has one. */
export const gradientRules: ReadonlyMap<string, GradientRule> = new Map(Object.entries<GradientRule>({
  ...arithmetic, ...logic, ...activations, ...convolutions, ...pooling, ...matrices, ...normalisations, ...reductions, ...cutting, ...arranging,
  ...resizing,
}));
