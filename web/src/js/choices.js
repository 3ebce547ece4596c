// Which students are asked: the selects of model, numbers and head, twice.

import { byId } from "./dom.js";
import { PageError } from "./sources.js";
import { percent } from "./stage.js";

/**
 * @typedef {Object} Model
 * @property {string} name
 * @property {string} title what else is said of it in the list; may be empty.
 * @property {string} group what the list's group of such models is called.
 * @property {Record<string, string>} files by their numbers, `float32` and `int8`.
 * @property {number} parameters how many it has.
 * @property {number} accuracy 0 to 1.
 * @property {string} tested of which images that is.
 */

/** The selects of one student. */
class Choice {
  constructor(prefix) {
    this.model = byId(`${prefix}model`);
    this.precision = byId(`${prefix}precision`);
    this.head = byId(`${prefix}head`);
    this.headLabel = byId(`${prefix}head-label`);
  }

  get selects() {
    return [this.model, this.precision, this.head];
  }

  /** The student that is chosen, fetched; the select of heads shows those of its file. */
  async student(reader, models) {
    const { name, files } = models[Number(this.model.value)];
    const precision = this.precision.value;
    let classifier;
    try {
      classifier = await reader.classifier(files[precision]);
    } catch (error) {
      throw new PageError(`The model ${name} (${precision}) does not load: ${error.message}`);
    }
    const names = classifier.heads.map((head) => head.name);
    const wanted = Math.max(0, names.indexOf(this.head.selectedOptions[0]?.text));
    this.head.replaceChildren(...names.map((text, number) => new Option(text, number, false, number === wanted)));
    this.headLabel.hidden = names.length < 2;
    const head = classifier.heads[wanted];
    return { title: [name, precision, head.name].filter(Boolean).join(" "), classifier, head };
  }
}

export class Choices {
  /**
   * @param {import("./reader.js").Reader} reader gets the students that are chosen.
   * @param {Model[]} models
   */
  constructor(reader, models) {
    this.reader = reader;
    this.models = models;
    this.first = new Choice("");
    this.second = new Choice("second-");
    this.compare = byId("compare");
    for (const { model } of [this.first, this.second]) model.replaceChildren(...groupsOf(models));
    const other = models.findIndex(({ group }) => group !== models[0].group);
    this.second.model.value = String(other > 0 ? other : models.length > 1 ? 1 : 0);
    this.turn = 0;
    this.chosen = this.#values();
  }

  /** Call back after each change. @param {() => void} callback */
  onChange(callback) {
    for (const control of [...this.first.selects, this.compare, ...this.second.selects]) {
      control.addEventListener("change", callback);
    }
  }

  /**
   * Fetch what is chosen, for the reader.
   * @throws {PageError} a model does not load; what was chosen before is chosen again.
   */
  async apply() {
    const turn = ++this.turn; // of two changes the later counts, whichever is fetched first
    const [first, second] = [this.first, this.second];
    byId("second").hidden = !this.compare.checked;
    try {
      const asked = this.compare.checked ? [first, second] : [first];
      const students = await Promise.all(asked.map((choice) => choice.student(this.reader, this.models)));
      if (turn !== this.turn) return;
      this.reader.students = students.filter(({ title }, at) => students.findIndex((one) => one.title === title) === at);
      this.#describe(this.models[Number(first.model.value)]);
      this.chosen = this.#values();
    } catch (error) {
      if (turn !== this.turn) return;
      this.#restore();
      throw error;
    }
  }

  #describe({ parameters, accuracy, tested }) {
    byId("parameters").textContent = parameters.toLocaleString("en");
    byId("wrong").textContent = percent(1 - accuracy);
    byId("tested").textContent = tested;
  }

  #values() {
    return [this.compare.checked, ...[this.first, this.second].flatMap(({ model, precision }) => [model.value, precision.value])];
  }

  #restore() {
    const [checked, ...values] = this.chosen;
    this.compare.checked = checked;
    for (const { model, precision } of [this.first, this.second]) [model.value, precision.value] = values.splice(0, 2);
    byId("second").hidden = !checked;
  }
}

/** Options of a select, by what the models answer. */
function groupsOf(models) {
  return [...new Set(models.map(({ group }) => group))].map((label) => {
    const group = Object.assign(document.createElement("optgroup"), { label });
    models.forEach((model, number) => {
      if (model.group === label) group.append(new Option(model.name + (model.title && ` (${model.title})`), String(number)));
    });
    return group;
  });
}
