import type { MapName } from './planes.js';

/** The current settings of the gallery and the large view. */
export interface ViewSettings {
  /** `photo`, `map`, `truth`, `labels:0`, `errors:0`, `boxes:0`, ... */
  overlay: string;
  /** The map to show; null for the strongest of all classes. */
  map: MapName | null;
  /** How ignored pixels are scored. */
  way: string;
  /** The opacity of the overlay, in percent. */
  opacity: number;
}
