import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of this package and its version: package.json is the nearest one above this module. */
function findPackage(): { readonly root: URL; readonly version: string } {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { name?: string; version: string };
      if (name === 'voc-seeds') return { root: folder, version };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (new URL('..', folder).href === folder.href) throw new Error('the package.json of voc-seeds is missing');
  }
}

/** The version of this package. */
export function packageVersion(): string {
  return findPackage().version;
}

/** The path of a bundled preset of `generate`. */
export function presetPath(name: string): string {
  return fileURLToPath(new URL(`configs/${name}.yaml`, findPackage().root));
}

/** The path of the bundled classifier. */
export function defaultModelPath(): string {
  return fileURLToPath(new URL('data/models/efficientnet_lite0_voc.onnx', findPackage().root));
}

/** The path of the prototypes of the bundled classifier. */
export function defaultPrototypesPath(): string {
  return fileURLToPath(new URL('data/models/efficientnet_lite0_voc.prototypes.npz', findPackage().root));
}

/** The path of the WebAssembly module that the build makes from wasm/. It is the same whether this runs from src/ or dist/. */
export function kernelsPath(): string {
  return fileURLToPath(new URL('dist/wasm/kernels.wasm', findPackage().root));
}

/** The script or the style of the report's page, which the build makes from src/report/client/; like the kernels, only in dist/. */
export function reportClientPath(name: 'viewer.js' | 'style.css'): string {
  return fileURLToPath(new URL(`dist/report/client/${name}`, findPackage().root));
}
