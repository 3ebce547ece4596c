// LiteRT.js on one thread: start, compile, run.

import { loadAndCompile, loadLiteRt, Tensor } from "../vendor/litert.js";
import { addressOf, fetchFile } from "./fetching.js";

const RUNTIME = "vendor/litert_wasm_compat_internal";

// A function of one SIMD instruction (https://github.com/GoogleChromeLabs/wasm-feature-detect).
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];

/**
 * Start LiteRT.
 * @throws {Error} this browser has no WebAssembly SIMD, or the runtime cannot be fetched.
 */
export async function startRuntime() {
  if (typeof WebAssembly !== "object" || !WebAssembly.validate(new Uint8Array(SIMD))) {
    throw new Error("This browser has no WebAssembly SIMD, which the page needs; a current one has it.");
  }
  /** @type {any} */ (self).Module = { wasmBinary: await fetchFile(`${RUNTIME}.wasm.zst`), printErr: log };
  await loadLiteRt(addressOf(`${RUNTIME}.js`));
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
    const tensor = new Tensor(/** @type {any} */ (values), this.inputShape);
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
}
