import { activations } from './activation.js';
import { arithmetic } from './arithmetic.js';
import { arranging } from './arranging.js';
import { convolutions } from './convolution.js';
import { cutting } from './cutting.js';
import { logic } from './logic.js';
import { making } from './making.js';
import { matrices } from './matrix.js';
import { normalisations } from './normalisation.js';
import type { OperatorTable } from './helpers/call.js';
import { pooling } from './pooling.js';
import { reductions } from './reduction.js';
import { resizing } from './resize.js';

/** Every operator that is supported on TensorFlow.js. (Constant nodes are folded before.) */
export const tfOperators: OperatorTable = {
  ...arithmetic, ...logic, ...activations, ...convolutions, ...pooling, ...resizing, ...matrices, ...normalisations, ...reductions,
  ...cutting, ...arranging, ...making,
};
