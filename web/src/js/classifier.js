// A student: 48x48 grey faces in, probabilities of its classes out.

import { fetchFile } from "./fetching.js";
import { readMetadata } from "./model_file.js";
import { Network } from "./runtime.js";

const METADATA = "fer_keras.json";

/**
 * @param {Float32Array} logits
 * @param {number} temperature what they are divided by.
 * @returns {number[]}
 */
export function softmax(logits, temperature = 1) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** A file's network and what the file says of it. */
export class Classifier {
  /**
   * @param {string} url of a LiteRT file with a batch of one, packed.
   * @returns {Promise<Classifier>}
   * @throws {Error} the file cannot be fetched, is no such model or does not say its classes.
   */
  static async load(url) {
    const file = await fetchFile(url);
    const facts = readMetadata(file, METADATA);
    const network = await Network.compile(file);
    const [batch, height, width, channels] = network.inputShape;
    if (network.inputType !== "uint8" || batch !== 1 || height !== width || channels !== 1) {
      throw new Error(`${url} takes ${network.inputType} [${network.inputShape}], not one square of grey values 0..255.`);
    }
    return new Classifier(network, facts);
  }

  constructor(network, { classes, temperature }) {
    this.network = network;
    this.temperature = temperature ?? 1;
    /** Pixels of a side of the faces that it takes. */
    this.side = network.inputShape[1];
    /** @type {{name: string, start: number, classes: string[]}[]} */
    this.heads = headsOf(classes);
  }

  /**
   * @param {Uint8Array} face grey values, row by row.
   * @returns {Promise<Float32Array>} one logit a class of each head.
   */
  async logits(face) {
    const [logits] = await this.network.run(face);
    return logits;
  }
}

/** Classes such as `labels/happy` and `votes/happiness` are of two heads; names without a / are all of one. */
function headsOf(classes) {
  const isPrefixed = classes.every((name) => name.includes("/"));
  const heads = [];
  classes.forEach((name, start) => {
    const end = isPrefixed ? name.lastIndexOf("/") : -1;
    const head = name.slice(0, Math.max(0, end));
    if (heads.at(-1)?.name !== head) heads.push({ name: head, start, classes: [] });
    heads.at(-1).classes.push(name.slice(end + 1));
  });
  return heads;
}

/**
 * What a record of the package says of one face.
 * @param {string[]} classes
 * @param {number[]} probabilities one a class.
 * @param {number[]} scaled the same after temperature scaling.
 * @returns {{label: string, confidence: number, probabilities: number[]}}
 */
export function answer(classes, probabilities, scaled) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  return { label: classes[best], confidence: scaled[best], probabilities };
}
