// The crop that a classifier wants, about a face that was found: the same as fer_keras/faces/crop.py, whose numbers
// it gets from constants.json.

import { grey, part, resize, rotate, roundEven } from "./resample.js";

/**
 * @typedef {Object} Crop
 * @property {number} x of the square's centre, in pixels.
 * @property {number} y
 * @property {number} side
 * @property {number} angle degrees by which it is turned, clockwise; 0 is upright.
 */

/**
 * @param {import("./detector.js").FoundFace} face
 * @param {{crop: {side: number, down: number, up: number, level_from: number}, key_points: string[]}} facts
 * @returns {Crop}
 */
export function cropOf(face, facts) {
  const point = (name) => face.points[facts.key_points.indexOf(name)];
  const [right, left, mouth] = [point("right_eye"), point("left_eye"), point("mouth")];
  const lean = Math.atan2(left[1] - right[1], left[0] - right[0]);
  const side = (face.box[2] + face.box[3]) / 2;
  const upwards = [Math.sin(lean), -Math.cos(lean)];
  const [x, y] = [0, 1].map((axis) => {
    const eyes = (right[axis] + left[axis]) / 2;
    const above = face.box[axis] + face.box[2 + axis] / 2 + facts.crop.up * side * upwards[axis];
    return (eyes + facts.crop.down * (mouth[axis] - eyes) + above) / 2;
  });
  const angle = (lean * 180) / Math.PI;
  return { x, y, side: facts.crop.side * side, angle: Math.abs(angle) >= facts.crop.level_from ? angle : 0 };
}

/**
 * @param {import("./resample.js").Pixels} picture RGB or RGBA.
 * @param {Crop} crop
 * @param {number} size of the face's sides in pixels.
 * @returns {Uint8Array} grey values, row by row.
 */
export function cut(picture, crop, size) {
  const reach = (crop.side / 2) * (crop.angle ? Math.SQRT2 : 1) + 1;
  const [left, top] = [Math.floor(crop.x - reach), Math.floor(crop.y - reach)];
  const [right, bottom] = [Math.ceil(crop.x + reach), Math.ceil(crop.y + reach)];
  const [x, y, half] = [crop.x - left, crop.y - top, crop.side / 2];
  let around = grey(part(picture, left, top, right, bottom));
  if (crop.angle) around = rotate(around, crop.angle, x, y);
  return resize(around, size, size, [x - half, y - half, x + half, y + half]).data;
}

/**
 * The part of a crop, before it is turned, that lies in its picture.
 * @param {Crop} crop
 * @param {{width: number, height: number}} picture
 * @param {number} scale of the numbers returned.
 * @returns {number[]} x, y, width and height, in whole pixels.
 */
export function boxIn({ x, y, side }, { width, height }, scale = 1) {
  const inside = (value, limit) => roundEven(scale * Math.min(Math.max(0, value), limit));
  const [left, top] = [inside(x - side / 2, width), inside(y - side / 2, height)];
  return [left, top, inside(x + side / 2, width) - left, inside(y + side / 2, height) - top];
}
