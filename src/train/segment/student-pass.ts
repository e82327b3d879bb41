import type { ClassSet } from '../../datasets/classes/class-set.js';
import type { StudentSpec } from '../../student/spec.js';
import type { PhotoPassOptions } from '../photo-pass.js';

/** How photographs are run through a student or its backbone. */
export interface StudentPassOptions extends PhotoPassOptions {
  readonly view: Pick<StudentSpec, 'short' | 'long'>;
  readonly classes: ClassSet;
}
