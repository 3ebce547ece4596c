// Follows faces from frame to frame: the same as fer_keras/faces/tracking.py.

import { overlap } from "./boxes.js";

/**
 * @typedef {import("./reader.js").ReadFace} ReadFace
 *
 * @typedef {Object} TrackedFace
 * @property {number} number its id, from 1 on.
 * @property {ReadFace} face where it is, and what was read of it.
 * @property {number} seconds when it was found last.
 * @property {number[]} speed of its box in pixels a second.
 */

export class Tracker {
  /** @param {{patience: number, least_overlap: number, steady: number, same_face: number}} numbers */
  constructor(numbers) {
    this.numbers = numbers;
    this.count = 0;
    /** @type {TrackedFace[]} */
    this.tracks = [];
  }

  /**
   * @param {ReadFace[]} found of one frame.
   * @param {number} seconds grows from call to call.
   * @returns {TrackedFace[]} in their order.
   */
  update(found, seconds) {
    this.tracks = this.tracks.filter((track) => seconds - track.seconds <= this.numbers.patience);
    const expected = this.tracks.map((track) => moved(track, seconds));
    const partners = this.#partners(found, expected);
    const tracked = found.map((face, number) => {
      const at = partners.get(number);
      if (at === undefined) return { number: ++this.count, face, seconds, speed: [0, 0] };
      return this.#next(this.tracks[at], face, seconds, this.#isAmbiguous(expected, at));
    });
    const taken = new Set(partners.values());
    this.tracks = [...tracked, ...this.tracks.filter((_, at) => !taken.has(at))];
    return tracked;
  }

  /** Number of a face found -> place of the track that it goes on with: those that overlap most, each once. */
  #partners(found, expected) {
    const pairs = found.flatMap((face, number) =>
      this.tracks.map((track, at) => {
        const { box } = face.found;
        return { number, at, shared: Math.max(overlap(box, expected[at]), 0.5 * overlap(box, track.face.found.box)) };
      }),
    );
    const partners = new Map();
    const taken = new Set();
    for (const { number, at, shared } of pairs.sort((one, other) => other.shared - one.shared)) {
      if (shared < this.numbers.least_overlap) break;
      if (partners.has(number) || taken.has(at)) continue;
      partners.set(number, at);
      taken.add(at);
    }
    return partners;
  }

  /** Whether the detector may have taken a track and another for one face. */
  #isAmbiguous(expected, at) {
    return expected.some((box, other) => other !== at && overlap(box, expected[at]) >= 0.5 * this.numbers.same_face);
  }

  #next(track, face, seconds, keepSpeed) {
    const passed = seconds - track.seconds;
    if (keepSpeed || passed <= 0) return { ...track, face, seconds };
    const share = 1 - Math.exp(-passed / this.numbers.steady);
    const [now, before] = [centre(face.found.box), centre(track.face.found.box)];
    const speed = track.speed.map((old, axis) => old + share * ((now[axis] - before[axis]) / passed - old));
    return { number: track.number, face, seconds, speed };
  }
}

/** The box of a track, if it goes on as it did. */
function moved({ face, speed, seconds: last }, seconds) {
  const [x, y, width, height] = face.found.box;
  return [x + speed[0] * (seconds - last), y + speed[1] * (seconds - last), width, height];
}

const centre = ([x, y, width, height]) => [x + width / 2, y + height / 2];
