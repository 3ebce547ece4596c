// One source from its start to its end: reads it, follows its faces, keeps what was read.

import { answer } from "./classifier.js";
import { boxIn } from "./crop.js";
import { History } from "./history.js";
import { Smoother } from "./smoother.js";
import { Tracker } from "./tracker.js";

export class Session {
  /**
   * @param {import("./reader.js").Reader} reader
   * @param {"photo" | "video" | "camera"} kind
   */
  constructor(reader, kind) {
    this.reader = reader;
    this.kind = kind;
    this.begin();
  }

  /** Forget all that was read. */
  begin() {
    this.tracker = new Tracker(this.reader.constants.faces.following);
    this.smoother = new Smoother(this.reader.constants.faces.following);
    this.history = new History();
    this.frame = 0;
    this.seconds = -Infinity;
    this.framesASecond = 0;
    this.readAt = 0;
  }

  /**
   * @param {import("./stage.js").Picture} picture
   * @param {number} [seconds] of the frame in its source; where they are left out it is the last one, which is read again
   *   as if it had not been read.
   * @returns {Promise<{faces: any[], students: any[], findMs: number, readMs: number}>} the faces with ids and answers.
   */
  async read(picture, seconds) {
    const { faces: found, students, findMs, readMs } = await this.reader.read(picture, this.kind);
    if (seconds < this.seconds || this.kind === "photo") this.begin(); // the video was wound back
    seconds ??= this.seconds;
    if (seconds === this.seconds) this.#forgetFrame();
    this.before = { tracks: this.tracker.tracks, count: this.tracker.count, states: new Map(this.smoother.states) };
    const faces = this.tracker.update(found, seconds).map(({ number, face }) => ({
      id: number,
      crop: face.crop,
      box: boxIn(face.crop, picture, picture.scale),
      answers: students.map((student, at) => this.#answer(number, student, face.values[at], seconds)),
    }));
    faces.sort((one, other) => one.id - other.id);
    this.history.add(this.frame++, seconds, faces, students);
    this.seconds = seconds;
    this.#count(performance.now());
    return { faces, students, findMs, readMs };
  }

  #forgetFrame() {
    this.tracker.tracks = this.before.tracks;
    this.tracker.count = this.before.count;
    this.smoother.states = this.before.states;
    this.history.forget(--this.frame);
  }

  #answer(number, { title, head: { classes } }, values, seconds) {
    const smooth = this.smoother.add(`${number} ${title}`, seconds, values);
    return answer(classes, smooth.slice(0, classes.length), smooth.slice(classes.length));
  }

  #count(now) {
    const rate = 1000 / (now - this.readAt);
    this.framesASecond = this.framesASecond ? 0.9 * this.framesASecond + 0.1 * rate : this.readAt ? rate : 0;
    this.readAt = now;
  }
}
