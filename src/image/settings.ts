import { z } from 'zod';
import { UserError } from '../errors.js';
import { checkedBy, setting } from '../setting.js';
import { parseInputSize } from './input-size.js';
import { DEFAULT_MAX_PIXELS } from './photo.js';

/** The text of an input size; see {@link parseInputSize}. */
export const inputSizeText = checkedBy(z.string(), (text) => {
  try {
    parseInputSize(text);
  } catch (error) {
    // The schema's message already shows the text.
    throw error instanceof UserError && error.hint !== undefined ? new UserError(error.hint) : error;
  }
});

/** The size of photographs at the network. */
export const imageSettings = {
  inputSize: setting(inputSizeText.default('short:320'), {
    group: 'CAM', value: 'size', help: 'size of the photograph at the network: native, short:N, long:N or fixed:HxW; short:N/M rounds both sides to multiples of M',
  }),
  maxPixels: setting(z.number().int().positive().default(DEFAULT_MAX_PIXELS), {
    group: 'CAM', value: 'n', help: 'shrink larger inputs of the network to this many pixels',
  }),
};
