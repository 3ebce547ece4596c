// Follows faces from frame to frame and smooths what is read of them.

import { overlap } from "./boxes.js";
import { boxOf } from "./crop.js";

/**
 * @typedef {Object} FollowedFace
 * @property {number} id
 * @property {import("./crop.js").Crop} crop
 * @property {number[][]} probabilities one row a student, smoothed over time.
 * @property {number} seconds when it was last seen.
 */

export class Tracker {
  /** @param {{least_overlap: number, patience: number, time_constant: number}} numbers the last two in seconds. */
  constructor(numbers) {
    this.numbers = numbers;
    this.nextId = 1;
    /** @type {FollowedFace[]} */
    this.tracks = [];
  }

  /**
   * @param {import("./reader.js").ReadFace[]} faces of one frame.
   * @param {number} seconds of the frame.
   * @returns {FollowedFace[]} of the faces, in their order.
   */
  update(faces, seconds) {
    this.tracks = this.tracks.filter((track) => Math.abs(seconds - track.seconds) <= this.numbers.patience);
    const pairs = faces
      .flatMap((face) => this.tracks.map((track) => ({ face, track, same: overlap(boxOf(face.crop), boxOf(track.crop)) })))
      .filter(({ same }) => same >= this.numbers.least_overlap)
      .sort((one, other) => other.same - one.same);
    const trackOf = new Map();
    const taken = new Set();
    for (const { face, track } of pairs) {
      if (trackOf.has(face) || taken.has(track)) continue;
      trackOf.set(face, track);
      taken.add(track);
    }
    return faces.map((face) => this.#follow(face, trackOf.get(face), seconds));
  }

  #follow({ crop, probabilities }, track, seconds) {
    if (!track) {
      track = { id: this.nextId++, crop, probabilities, seconds };
      this.tracks.push(track);
      return track;
    }
    const share = 1 - Math.exp(-Math.abs(seconds - track.seconds) / Math.max(this.numbers.time_constant, 1e-9));
    track.probabilities = probabilities.map((row, student) => {
      const before = track.probabilities[student];
      return before?.length === row.length ? row.map((value, at) => before[at] + share * (value - before[at])) : row;
    });
    track.crop = crop;
    track.seconds = seconds;
    return track;
  }
}
