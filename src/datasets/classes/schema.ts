import { z } from 'zod';

const channel = z.number().int().min(0).max(255);

/** A colour as numbers. */
export const colourSchema = z.tuple([channel, channel, channel]);

/** {@link ClassSetData} in the JSON files of results. */
export const classSetSchema = z.object({
  name: z.string(), classes: z.array(z.string()).min(1), aliases: z.record(z.string(), z.string()).optional(),
  colours: z.record(z.string(), colourSchema).optional(), categoryIds: z.array(z.number().int()).optional(),
});
