import { z } from 'zod';

/** The text of a label source, as on the command line: `xml`, `masks`, `npy` or `list`, the last two also with their file. */
export const labelsText = z.string().regex(/^(?:xml|masks|(?:npy|list)(?::.+)?)$/, 'it must be xml, masks, npy or list, or with its file npy:FILE or list:FILE');
