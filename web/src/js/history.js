// What was read, for the CSV and the timeline.

const MOST_ROWS = 100_000;
const MINUTE = 60;

/**
 * @typedef {Object} Row
 * @property {number} frame
 * @property {number} seconds
 * @property {number} face its id.
 * @property {number[]} box of the crop, in whole pixels of the file.
 * @property {string} model
 * @property {string[]} classes
 * @property {ReturnType<typeof import("./classifier.js").answer>} answer
 */

export class History {
  constructor() {
    /** @type {Row[]} in the order of time; the oldest go where there are too many. */
    this.rows = [];
  }

  /**
   * @param {number} frame
   * @param {number} seconds
   * @param {{id: number, box: number[], answers: any[]}[]} faces
   * @param {import("./reader.js").Student[]} students what gave the answers.
   */
  add(frame, seconds, faces, students) {
    for (const { id, box, answers } of faces) {
      answers.forEach((answer, at) => {
        this.rows.push({ frame, seconds, face: id, box, model: students[at].title, classes: students[at].head.classes, answer });
      });
    }
    if (this.rows.length > MOST_ROWS) this.rows.splice(0, this.rows.length - MOST_ROWS);
  }

  /** Drop the last frame. @param {number} frame */
  forget(frame) {
    while (this.rows.at(-1)?.frame === frame) this.rows.pop();
  }

  /** The rows of the last minute. @returns {Row[]} */
  lastMinute() {
    const end = this.rows.at(-1)?.seconds ?? 0;
    return this.rows.filter(({ seconds }) => seconds >= end - MINUTE);
  }

  /** @returns {string} a row a frame, face and model; a column for each class of any model. */
  csv() {
    const classes = [...new Set(this.rows.flatMap((row) => row.classes))];
    const head = ["frame", "seconds", "face", "x", "y", "width", "height", "model", "label", "confidence", ...classes];
    const lines = this.rows.map(({ frame, seconds, face, box, model, classes: own, answer }) => {
      const shares = classes.map((name) => (own.includes(name) ? answer.probabilities[own.indexOf(name)].toFixed(6) : ""));
      const facts = [frame, seconds.toFixed(6), face, ...box, model, answer.label, answer.confidence.toFixed(6)];
      return [...facts, ...shares];
    });
    return [head, ...lines].map((cells) => cells.map(quoted).join(",") + "\n").join("");
  }
}

const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
