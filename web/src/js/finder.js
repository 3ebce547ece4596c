// All faces of a picture, near and far: the same as fer_keras/faces/finder.py.

import { facesOf } from "./detector.js";
import { part, reduce } from "./resample.js";

export class FaceFinder {
  /**
   * @param {any} facts the `faces` of constants.json.
   * @param {import("./detector.js").FaceDetector[]} detectors tiles are looked at by the first.
   * @param {boolean} tiles whether to look for small faces too.
   */
  constructor(facts, detectors, tiles) {
    this.facts = facts;
    this.detectors = detectors;
    this.tiles = tiles;
  }

  /**
   * @param {import("./resample.js").Pixels} picture RGB or RGBA.
   * @returns {Promise<import("./detector.js").FoundFace[]>} each once, from left to right.
   */
  async find(picture) {
    const { tiles: numbers, same_face: sameFace } = this.facts;
    const longer = Math.max(picture.width, picture.height);
    const isTiled = this.tiles && longer >= numbers.from;
    const scale = Math.max(1, Math.trunc((longer * (isTiled ? numbers.side : 1)) / numbers.detail));
    const small = scale > 1 ? reduce(picture, scale, scale) : picture;
    const found = [];
    for (const detector of this.detectors) found.push(...(await detector.find(small)));
    for (const tile of isTiled ? tilesOf(small, numbers) : []) {
      const inside = await this.detectors[0].find(part(small, ...tile));
      found.push(...inside.filter(({ box }) => isWhole(box, tile, small)).map((face) => moved(face, tile)));
    }
    const scaled = ({ box, points, score }) => ({ values: [...box, ...points.flat()].map((value) => scale * value), score });
    return facesOf(found.map(scaled), sameFace);
  }
}

/**
 * Left, top, right and bottom of overlapping squares that cover a picture.
 * @returns {[number, number, number, number][]}
 */
function tilesOf({ width, height }, { side: share, overlap }) {
  const side = Math.trunc(share * Math.max(width, height));
  /** @returns {[number, number, number, number]} */
  const tile = (left, top) => [left, top, Math.min(width, left + side), Math.min(height, top + side)];
  const lefts = starts(width, side, overlap);
  return starts(height, side, overlap).flatMap((top) => lefts.map((left) => tile(left, top)));
}

function starts(length, side, overlap) {
  const count = 1 + Math.max(0, Math.ceil((length - side) / (side * (1 - overlap))));
  const last = Math.max(0, length - side);
  const step = count > 1 ? last / (count - 1) : 0;
  return Array.from({ length: count }, (_, number) => (number && number === count - 1 ? last : Math.trunc(number * step)));
}

/**
 * Whether a box in a tile touches none of its borders but those of the picture.
 * @param {number[]} box
 * @param {number[]} tile
 * @param {{width: number, height: number}} picture
 */
function isWhole([x, y, w, h], [left, top, right, bottom], { width, height }) {
  return (
    (x > 0 || left === 0) &&
    (y > 0 || top === 0) &&
    (x + w < right - left || right === width) &&
    (y + h < bottom - top || bottom === height)
  );
}

/** @param {import("./detector.js").FoundFace} face @param {number[]} tile */
function moved({ box: [x, y, w, h], points, score }, [left, top]) {
  return { box: [x + left, y + top, w, h], points: points.map(([px, py]) => [px + left, py + top]), score };
}
