// Reads pictures: finds the faces, cuts them out, asks one or two students.

import { Classifier, softmax } from "./classifier.js";
import { cropOf, cut } from "./crop.js";
import { FaceFinder } from "./finder.js";

/**
 * @typedef {Object} Student
 * @property {string} title
 * @property {Classifier} classifier
 * @property {Classifier["heads"][number]} head what of it answers.
 *
 * @typedef {Object} ReadFace
 * @property {import("./detector.js").FoundFace} found
 * @property {import("./crop.js").Crop} crop
 * @property {number[][]} values a row a student: the probabilities, then those after temperature scaling.
 */

export class Reader {
  /** @param {any} constants of constants.json. */
  constructor(constants) {
    this.constants = constants;
    this.finders = new Map();
    this.classifiers = new Map();
    /** @type {Student[]} those that are asked. */
    this.students = [];
  }

  /**
   * Fetch what finds faces in a kind of source.
   * @param {"photo" | "video" | "camera"} kind
   * @throws {Error} it cannot be fetched.
   */
  async prepare(kind) {
    if (!this.finders.has(kind)) {
      const { networks, tiles } = this.constants.faces.finders[kind];
      this.finders.set(kind, await FaceFinder.load(this.constants.faces, networks, tiles));
    }
    return this.finders.get(kind);
  }

  /**
   * @param {string} url of a student's file.
   * @returns {Promise<Classifier>} fetched only once.
   * @throws {Error} it does not load.
   */
  async classifier(url) {
    if (!this.classifiers.has(url)) this.classifiers.set(url, await Classifier.load(url));
    return this.classifiers.get(url);
  }

  /**
   * @param {import("./resample.js").Pixels} picture RGB or RGBA.
   * @param {"photo" | "video" | "camera"} kind
   * @returns {Promise<{faces: ReadFace[], students: Student[], findMs: number, readMs: number}>} also who was asked,
   *   and how many milliseconds it took.
   */
  async read(picture, kind) {
    const finder = await this.prepare(kind);
    const students = this.students;
    const start = performance.now();
    const found = await finder.find(picture);
    const between = performance.now();
    const faces = [];
    for (const face of found) {
      const crop = cropOf(face, this.constants.faces);
      const values = [];
      for (const student of students) values.push(await ask(student, picture, crop, this.constants.faces.crop.scales));
      faces.push({ found: face, crop, values });
    }
    return { faces, students, findMs: between - start, readMs: performance.now() - between };
  }
}

/** By the mean of the logits of all squares. */
async function ask({ classifier, head }, picture, crop, scales) {
  const logits = new Float32Array(head.classes.length);
  for (const face of cut(picture, crop, classifier.side, scales)) {
    const all = await classifier.logits(face);
    logits.forEach((sum, at) => (logits[at] = sum + all[head.start + at] / scales.length));
  }
  return [...softmax(logits), ...softmax(logits, classifier.temperature)];
}
