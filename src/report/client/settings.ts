import type { MapName } from './planes.js';

/** What gallery and large view show at the moment. */
export interface ViewSettings {
  /** `photo`, `map`, `truth`, `labels:0`, `errors:0`, ... */
  overlay: string;
  /** The one map to show; null for the strongest of all classes. */
  map: MapName | null;
  /** How ignored pixels are scored. */
  way: string;
  /** Of the overlay, in percent. */
  opacity: number;
}
