/** The part of the WebAssembly interface that is used here; TypeScript knows it only together with the browser's other types. */
interface WebAssemblyInterface {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports?: object) => { readonly exports: object };
}

/** A compiled module. */
export type WasmModule = object;

/** The memory of an instance, in pages of 64 KiB; growing it gives `buffer` another identity and empties the old one. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyInterface }).WebAssembly;
