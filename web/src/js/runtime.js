// LiteRT.js on one thread: fetch, unpack, compile, run. All files but the code are packed (zstd), so that the folder
// is small on any host, also on one that does not compress what it sends.

import { decompress } from "../vendor/fzstd.js";
import { loadAndCompile, loadLiteRt, Tensor } from "../vendor/litert.js";

const RUNTIME = "vendor/litert_wasm_compat_internal";

// A function of one SIMD instruction (https://github.com/GoogleChromeLabs/wasm-feature-detect).
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];

/**
 * @param {string} url
 * @returns {Promise<Uint8Array>} the file, unpacked where its name ends in .zst.
 * @throws {Error} it cannot be fetched.
 */
export async function fetchFile(url) {
  let response;
  try {
    response = await fetch(url);
  } catch {
    throw new Error(`${url} cannot be reached.`);
  }
  if (!response.ok) throw new Error(`${url} cannot be fetched (${response.status}).`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return url.endsWith(".zst") ? decompress(bytes) : bytes;
}

/**
 * Start LiteRT.
 * @throws {Error} this browser has no WebAssembly SIMD, or the runtime cannot be fetched.
 */
export async function startRuntime() {
  if (typeof WebAssembly !== "object" || !WebAssembly.validate(new Uint8Array(SIMD))) {
    throw new Error("This browser has no WebAssembly SIMD, which the page needs; a current one has it.");
  }
  self.Module = { wasmBinary: await fetchFile(`${RUNTIME}.wasm.zst`), printErr: log };
  await loadLiteRt(`${RUNTIME}.js`);
}

/** LiteRT writes all that it has to say to the stream of errors. */
function log(line) {
  if (/^(INFO|WARNING|VERBOSE|DEBUG)/.test(line)) console.debug(line);
  else console.error(line);
}

/** A compiled model of one input. */
export class Network {
  /**
   * @param {Uint8Array} file a `.tflite` file's bytes.
   * @returns {Promise<Network>}
   */
  static async compile(file) {
    return new Network(await loadAndCompile(file, { accelerator: "wasm" }));
  }

  constructor(model) {
    this.model = model;
    const [input] = model.getInputDetails();
    this.inputShape = [...input.shape];
    this.inputType = input.dtype;
  }

  /**
   * @param {Uint8Array | Float32Array} values of the input's shape.
   * @returns {Promise<Float32Array[]>} the outputs.
   */
  async run(values) {
    const tensor = new Tensor(values, this.inputShape);
    try {
      const outputs = await this.model.run(tensor);
      return outputs.map((output) => {
        const copy = output.toTypedArray().slice();
        output.delete();
        return copy;
      });
    } finally {
      tensor.delete();
    }
  }

  /** Give its memory back. */
  delete() {
    this.model.delete();
  }
}
