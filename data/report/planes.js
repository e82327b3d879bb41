// The label maps and CAMs of the images: loaded when they are needed, and forgotten again.

/** How many images are kept; each takes about a megabyte. */
const KEPT = 96;

/** Undoes zlib and base64. */
async function inflated(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The planes (null where there is none) and maps of an image. */
async function unpacked(header, base64) {
  const bytes = await inflated(base64);
  let at = 0;
  const take = (length) => bytes.subarray(at, at += length);
  return {
    width: header.w, height: header.h, mapWidth: header.mw, mapHeight: header.mh,
    planes: header.planes.map((present) => (present === 1 ? take(header.w * header.h) : null)),
    maps: header.maps.map(([label, layer]) => ({ label, layer, values: take(header.mw * header.mh) })),
  };
}

/**
 * Opens the source of all panels.
 *
 * @param folder where the files of the images are, or null for a page that holds them all
 * @param inline what such a page holds, by file name
 */
export function openPanels(folder, inline) {
  const cache = new Map();
  const waiting = new Map();

  // Files of a page that was opened from disk can be run, but not read: each image is a script that calls this.
  window.vocSeedsPanel = (file, header, base64) => {
    waiting.get(file)?.resolve(unpacked(header, base64));
    waiting.delete(file);
  };

  const fetched = (file) => new Promise((resolve, reject) => {
    waiting.set(file, { resolve });
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
    /** A promise of the panel of an image. */
    load({ file }) {
      let panel = cache.get(file);
      if (panel === undefined) {
        panel = folder === null ? unpacked(inline[file].header, inline[file].packed) : fetched(file);
        panel.catch(() => { cache.delete(file); });
      } else {
        cache.delete(file);
      }
      cache.set(file, panel);
      if (cache.size > KEPT) cache.delete(cache.keys().next().value);
      return panel;
    },
    /** The address of the photograph, or null where there is none. */
    photo({ file, photo }) {
      if (!photo) return null;
      return folder === null ? inline[file].photo : `${folder}${encodeURIComponent(file)}.webp`;
    },
  };
}
