import { z } from 'zod';
import { parseRefiners } from '../maps/refine/refiners.js';
import { checkedBy, setting } from '../setting.js';
import { parsePositiveNumbers } from '../text/lists.js';

const group = 'Student';

const needs = ({ student }: { readonly student?: string | undefined }): string | undefined => (student === undefined ? '--student' : undefined);

/** How a student's predictions become seeds. */
export const studentSettings = {
  student: setting(z.string().min(1).optional(), {
    group, value: 'file', help: 'make seeds with this network of train --mode segment, instead of class activation maps', otherwise: 'none',
  }),
  studentScales: setting(z.array(z.number().positive()).min(1).default([1]), {
    group, value: 's,...', help: 'show the photograph to the student at these multiples of its input size', parse: parsePositiveNumbers, needs,
  }),
  studentFlip: setting(z.boolean().default(true), {
    group, help: 'also show it mirrored to the student (default)', off: 'do not show it mirrored to the student', needs,
  }),
  studentRefine: setting(checkedBy(z.string().default('random-walk:beta=1000:iterations=16'), parseRefiners), {
    group, value: 'refiner,...', help: 'refine the student\'s probabilities by the photograph\'s colours, as --refine does with maps', needs,
  }),
  camWeight: setting(z.number().min(0).default(0), {
    group, value: 'w', needs,
    help: 'also make the seeds of class activation maps and add them, with this weight, to the student\'s probabilities; both are written',
  }),
  camSeeds: setting(z.string().min(1).optional(), {
    group, value: 'folder', help: 'seeds of an earlier run for --cam-weight, instead of making them again', otherwise: 'none',
    needs: ({ student, camWeight }: { readonly student?: string | undefined; readonly camWeight: number }): string | undefined => (
      student !== undefined && camWeight > 0 ? undefined : '--student and --cam-weight above 0'),
  }),
};

/** {@link studentSettings} as a type, without the files. */
export type StudentSettings = Omit<z.infer<z.ZodObject<typeof studentSettings>>, 'student' | 'camSeeds'>;
