// BlazeFace: the same as fer_keras/faces/detector.py, whose networks and numbers it gets from constants.json.
// Reference: Bazarevsky et al., "BlazeFace", 2019, arXiv 1907.05047.

import { merged } from "./boxes.js";
import { fetchFile } from "./fetching.js";
import { roundEven, thumbnail } from "./resample.js";
import { Network } from "./runtime.js";

const BOX = 4;
const VALUES = 16; // of a face: the box, then x and y of six key points

/**
 * @typedef {Object} FoundFace
 * @property {number[]} box x, y, width and height in pixels; it may reach beyond the picture.
 * @property {number[][]} points x and y of the key points.
 * @property {number} score 0 to 1.
 */

export class FaceDetector {
  /**
   * @param {{file: string, side: number, grid: [number, number][]}} network stride and number of anchors, in order.
   * @param {{min_score: number, same_face: number, reducing_gap: number}} numbers
   * @returns {Promise<FaceDetector>}
   */
  static async load(network, numbers) {
    return new FaceDetector(await Network.compile(await fetchFile(network.file)), network, numbers);
  }

  constructor(network, { side, grid }, numbers) {
    this.network = network;
    this.side = side;
    this.anchors = anchors(side, grid);
    this.numbers = numbers;
    this.leastLogit = Math.log(numbers.min_score / (1 - numbers.min_score));
  }

  /**
   * @param {import("./resample.js").Pixels} picture RGB or RGBA.
   * @returns {Promise<FoundFace[]>} from left to right.
   */
  async find(picture) {
    const scale = this.side / Math.max(picture.width, picture.height);
    const width = Math.max(1, roundEven(scale * picture.width));
    const height = Math.max(1, roundEven(scale * picture.height));
    const small = thumbnail(picture, width, height, this.numbers.reducing_gap);
    const left = (this.side - width) >> 1;
    const top = (this.side - height) >> 1;
    const found = await this.#answers(this.#square(small, left, top));
    for (const face of found) {
      face.values = face.values.map((value, at) => {
        const isPlace = at < 2 || at >= BOX;
        const moved = value - (isPlace ? (at % 2 ? top : left) : 0);
        return moved * (at % 2 ? picture.height / height : picture.width / width);
      });
    }
    return facesOf(found, this.numbers.same_face);
  }

  #square(small, left, top) {
    const square = new Float32Array(this.side * this.side * 3).fill(-1);
    for (let row = 0; row < small.height; row++) {
      let to = ((row + top) * this.side + left) * 3;
      let from = row * small.width * small.channels;
      for (let x = 0; x < small.width; x++, from += small.channels) {
        for (let channel = 0; channel < 3; channel++) square[to++] = small.data[from + channel] / 127.5 - 1;
      }
    }
    return square;
  }

  async #answers(square) {
    const outputs = await this.network.run(square);
    const [raw, logits] = outputs[0].length > outputs[1].length ? outputs : [outputs[1], outputs[0]];
    const found = [];
    logits.forEach((logit, number) => {
      if (logit < this.leastLogit) return;
      const values = Array.from(raw.subarray(number * VALUES, (number + 1) * VALUES));
      for (let at = 0; at < VALUES; at++) if (at < 2 || at >= BOX) values[at] += this.anchors[number][at % 2];
      values[0] -= values[2] / 2; // it gives the centre
      values[1] -= values[3] / 2;
      found.push({ values, score: 1 / (1 + Math.exp(-logit)) });
    });
    return found;
  }
}

/**
 * What was found, perhaps several times, as faces: each once, from left to right.
 * @param {{values: number[], score: number}[]} found
 * @param {number} sameFace the overlap from which on two are one.
 * @returns {FoundFace[]}
 */
export function facesOf(found, sameFace) {
  const real = found.filter(({ values }) => values[2] > 0 && values[3] > 0);
  return merged(real, sameFace)
    .map(({ values, score }) => ({ box: values.slice(0, BOX), points: pairs(values.slice(BOX)), score }))
    .sort((one, other) => one.box[0] - other.box[0]);
}

/** The x and y of each anchor in pixels of the network's square, row by row, stride by stride. */
function anchors(side, grid) {
  return grid.flatMap(([stride, number]) => {
    const centres = Array.from({ length: Math.floor(side / stride) }, (_, at) => (at + 0.5) * stride);
    return centres.flatMap((y) => centres.flatMap((x) => Array.from({ length: number }, () => [x, y])));
  });
}

const pairs = (values) => Array.from({ length: values.length / 2 }, (_, at) => values.slice(2 * at, 2 * at + 2));
