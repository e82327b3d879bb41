// The label maps and CAMs of the images, which are loaded when needed and cached.
import type { InlinePanels, PageBox, PageImage, PanelHeader } from '../run/page-data.js';

/** The number of cached images. Each takes about a megabyte. */
const KEPT = 96;

/** A map of an image: its class, and its layer ('' for the fused map). */
export interface MapName {
  readonly label: number;
  readonly layer: string;
}

/** The pixels of one image. */
export interface Panel {
  readonly width: number;
  readonly height: number;
  readonly mapWidth: number;
  readonly mapHeight: number;
  /** Labels [height, width]: the ground truth, then the predictions; null if missing. */
  readonly planes: readonly (Uint8Array | null)[];
  /** Maps [mapHeight, mapWidth], 0..255 for 0..1. */
  readonly maps: readonly (MapName & { readonly values: Uint8Array })[];
  readonly boxes: readonly PageBox[];
}

/** The source of the pixels and photographs of the images. */
export interface PanelSource {
  /** The pixels of an image. */
  load(image: PageImage): Promise<Panel>;
  /** The URL of its photograph, or null if there is none. */
  photo(image: PageImage): string | null;
}

declare global {
  interface Window {
    /** Called by the script of an image, see {@link openPanels}. */
    vocSeedsPanel: (file: string, header: PanelHeader, base64: string) => void;
  }
}

/** Decodes base64 and zlib. */
async function inflated(base64: string): Promise<Uint8Array> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpacked(header: PanelHeader, base64: string): Promise<Panel> {
  const bytes = await inflated(base64);
  let at = 0;
  const take = (length: number): Uint8Array => bytes.subarray(at, at += length);
  return {
    width: header.w, height: header.h, mapWidth: header.mw, mapHeight: header.mh,
    planes: header.planes.map((present) => (present === 1 ? take(header.w * header.h) : null)),
    maps: header.maps.map(([label, layer]) => ({ label, layer, values: take(header.mw * header.mh) })),
    boxes: header.boxes ?? [],
  };
}

/**
 * Opens the source of all images.
 *
 * @param folder the folder of the images' files, or null if the page contains all images
 * @param inline the images in such a page
 */
export function openPanels(folder: string | null, inline: InlinePanels): PanelSource {
  const cache = new Map<string, Promise<Panel>>();
  const waiting = new Map<string, (panel: Promise<Panel>) => void>();

  // A page opened from disk can load scripts but not read other files, so each image is a script that calls this.
  window.vocSeedsPanel = (file, header, base64) => {
    waiting.get(file)?.(unpacked(header, base64));
    waiting.delete(file);
  };

  const fetched = (file: string): Promise<Panel> => new Promise((resolve, reject) => {
    waiting.set(file, resolve);
    const script = document.createElement('script');
    script.src = `${folder}${encodeURIComponent(file)}.js`;
    script.onload = () => { script.remove(); };
    script.onerror = () => {
      waiting.delete(file);
      script.remove();
      reject(new Error(`${script.src} cannot be loaded`));
    };
    document.head.append(script);
  });

  return {
    load({ file }) {
      let panel = cache.get(file);
      if (panel === undefined) {
        panel = folder === null ? unpacked(inline[file].header, inline[file].packed) : fetched(file);
        panel.catch(() => { cache.delete(file); });
      } else {
        cache.delete(file);
      }
      cache.set(file, panel);
      // A Map keeps the order of insertion, so the first key is the least recently used.
      if (cache.size > KEPT) cache.delete(cache.keys().next().value!);
      return panel;
    },
    photo({ file, photo }) {
      if (!photo) return null;
      return folder === null ? inline[file].photo : `${folder}${encodeURIComponent(file)}.webp`;
    },
  };
}
