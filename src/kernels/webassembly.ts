/** The part of the WebAssembly API that is used here. TypeScript declares it only together with the browser's types. */
interface WebAssemblyInterface {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports?: object) => { readonly exports: object };
}

/** A compiled module. */
export type WasmModule = object;

/** The memory of an instance, in pages of 64 KiB. Growing it replaces `buffer` and detaches the old one. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyInterface }).WebAssembly;
