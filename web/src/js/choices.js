// Which students are asked: the selects of model, numbers and head, twice.

import { PageError } from "./sources.js";
import { percent } from "./stage.js";

const byId = (id) => document.getElementById(id);

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
    const { name, files, parameters, accuracy } = models[Number(this.model.value)];
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
    return { title: [name, precision, head.name].filter(Boolean).join(" "), classifier, head, parameters, accuracy };
  }
}

export class Choices {
  /**
   * @param {import("./reader.js").Reader} reader gets the students that are chosen.
   * @param {{name: string, title: string, files: Object}[]} models
   */
  constructor(reader, models) {
    Object.assign(this, { reader, models });
    this.first = new Choice("");
    this.second = new Choice("second-");
    this.compare = byId("compare");
    for (const { model } of [this.first, this.second]) {
      model.replaceChildren(...models.map(({ name, title }, number) => new Option(`${name} (${title})`, number)));
    }
    this.second.model.selectedIndex = models.length > 1 ? 1 : 0;
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
    byId("second").hidden = !this.compare.checked;
    try {
      const students = [await this.first.student(this.reader, this.models)];
      if (this.compare.checked) students.push(await this.second.student(this.reader, this.models));
      this.reader.students = students;
      byId("parameters").textContent = students[0].parameters.toLocaleString("en");
      byId("wrong").textContent = percent(1 - students[0].accuracy);
      this.chosen = this.#values();
    } catch (error) {
      this.#restore();
      throw error;
    }
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
