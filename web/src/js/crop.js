// The crop that a classifier wants, about a face that was found: the same as fer_keras/faces/crop.py, whose numbers
// it gets from constants.json.

import { grey, hamming, part, resize, rotate, roundEven } from "./resample.js";

/**
 * @typedef {Object} Crop
 * @property {number} x of the square's centre, in pixels.
 * @property {number} y
 * @property {number} side
 * @property {number} angle degrees by which it is turned, clockwise; 0 is upright.
 */

/**
 * @param {import("./detector.js").FoundFace} face
 * @param {{crop: {side: number, down: number, up: number, level_to: number}, key_points: string[]}} facts
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
  const degrees = lean * (180 / Math.PI);
  const kept = Math.min(facts.crop.level_to, Math.max(-facts.crop.level_to, degrees));
  return { x, y, side: facts.crop.side * side, angle: degrees - kept };
}

/**
 * @param {import("./resample.js").Pixels} picture RGB or RGBA.
 * @param {Crop} crop
 * @param {number} size of the face's sides in pixels.
 * @param {number[]} scales of the squares that are cut, in the crop's sides.
 * @returns {Uint8Array[]} grey values, row by row, of each.
 */
export function cut(picture, crop, size, scales) {
  const reach = ((Math.max(...scales) * crop.side) / 2) * (crop.angle ? Math.SQRT2 : 1) + 1;
  const [left, top] = [Math.floor(crop.x - reach), Math.floor(crop.y - reach)];
  const [right, bottom] = [Math.ceil(crop.x + reach), Math.ceil(crop.y + reach)];
  const [x, y] = [crop.x - left, crop.y - top];
  let around = grey(part(picture, left, top, right, bottom));
  if (crop.angle) around = rotate(around, crop.angle, x, y);
  return scales.map((scale) => {
    const half = (scale * crop.side) / 2;
    return resize(around, size, size, [x - half, y - half, x + half, y + half], hamming).data;
  });
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
