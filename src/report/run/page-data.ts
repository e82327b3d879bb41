// What the page holds as JSON: the report writes it, and the page's script reads it.

/** A colour: red, green, blue, 0..255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** What the gallery can lay over a photograph. */
export interface OverlayChoice {
  /** `photo`, `map`, `truth`, or `labels`, `errors` and `boxes` of a prediction, for instance `errors:0`. */
  readonly value: string;
  readonly name: string;
  /** The key that chooses it. */
  readonly key: string;
}

/** What the page is told of an image's pixels, beside the packed bytes. */
export interface PanelHeader {
  /** The size at which it is shown. */
  readonly w: number;
  readonly h: number;
  /** Which of the page's planes there are, 1 or 0; each has w * h bytes, a label per pixel. The first is the ground truth. */
  readonly planes: readonly (0 | 1)[];
  /** The maps behind them: class index and layer ('' for the fused map); each has mw * mh bytes, 255 being 1. */
  readonly maps: readonly (readonly [label: number, layer: string])[];
  readonly mw: number;
  readonly mh: number;
  readonly boxes?: readonly PageBox[];
}

/** A box on an image, in pixels of the shown image; right and bottom are the first column and row outside of it. */
export interface PageBox {
  readonly kind: BoxKind;
  /** The class. */
  readonly label: number;
  readonly edges: readonly [left: number, top: number, right: number, bottom: number];
  /** The prediction that it belongs to; none for a true box. */
  readonly of?: number;
}

/** `true`: of the ground truth; `found`: of a true class; `other`: of the most likely class, if it is not a true one. */
export type BoxKind = 'true' | 'found' | 'other';

/** The scores of one prediction on one image: shares of 1, null if there is none. */
export interface PageScore {
  /** Mean IoU for each way of scoring ignored pixels. */
  readonly mean: Readonly<Record<string, number | null>>;
  /** IoU of each label that occurs. */
  readonly iou: readonly (readonly [label: number, iou: number | null])[];
  readonly coverage: number | null;
}

/** One image of the gallery. */
export interface PageImage {
  readonly id: string;
  /** The name of its files, without ending. */
  readonly file: string;
  /** Whether there is a photograph. */
  readonly photo: boolean;
  readonly w: number;
  readonly h: number;
  /** Its classes by label, ascending. */
  readonly labels: readonly number[];
  /** In the order of the page's predictions; null for one that was not scored. */
  readonly scores: readonly (PageScore | null)[];
  readonly notes?: readonly string[];
  /** Its results, as indices of the page's kinds of results. */
  readonly kinds?: readonly number[];
}

/** The JSON block `report-data`. */
export interface PageData {
  /** The names of the labels from 0, and their colours. */
  readonly classes: readonly string[];
  readonly palette: readonly Rgb[];
  /** The colours of 256 values of a map. */
  readonly heat: readonly Rgb[];
  /** The ways of scoring ignored pixels that the page can show, the first one at the start. */
  readonly ways: readonly (readonly [way: string, name: string])[];
  readonly predictions: readonly string[];
  readonly overlays: readonly OverlayChoice[];
  /** Kinds of results that the gallery can be filtered by. */
  readonly kinds: readonly string[];
  /** The folder of the images' files, or null for a page that holds them all. */
  readonly folder: string | null;
  readonly images: readonly PageImage[];
}

/** The pixels of one image in a page that holds them all. */
export interface InlinePanel {
  readonly header: PanelHeader;
  /** Planes and maps: deflated (RFC 1950), then base64. */
  readonly packed: string;
  /** The photograph as a data URL. */
  readonly photo: string | null;
}

/** The JSON block `report-panels`: by the name of an image's files. */
export type InlinePanels = Readonly<Record<string, InlinePanel>>;
