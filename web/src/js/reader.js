// Reads pictures: finds the faces, cuts them out, asks one or two students.

import { Classifier, softmax } from "./classifier.js";
import { cropOf, cut } from "./crop.js";
import { FaceDetector } from "./detector.js";
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
    /** What was fetched, or is being fetched, by its file. @type {Map<string, Promise<any>>} */
    this.fetched = new Map();
    /** @type {Student[]} those that are asked. */
    this.students = [];
  }

  /**
   * Fetch what finds faces in a kind of source.
   * @param {"photo" | "video" | "camera"} kind
   * @returns {Promise<FaceFinder>}
   * @throws {Error} it cannot be fetched.
   */
  async prepare(kind) {
    const { faces } = this.constants;
    const { networks, tiles } = faces.finders[kind];
    const detector = (network) => this.#once(network.file, () => FaceDetector.load(network, faces));
    return new FaceFinder(faces, await Promise.all(networks.map((name) => detector(faces.networks[name]))), tiles);
  }

  /**
   * @param {string} url of a student's file.
   * @returns {Promise<Classifier>} fetched only once.
   * @throws {Error} it does not load.
   */
  classifier(url) {
    return this.#once(url, () => Classifier.load(url));
  }

  /** What failed may be tried again. */
  #once(file, load) {
    if (!this.fetched.has(file)) {
      const loading = load();
      loading.catch(() => this.fetched.delete(file));
      this.fetched.set(file, loading);
    }
    return this.fetched.get(file);
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
