// The list of faces with their probabilities, and the words for people who hear the page.

import { element } from "./dom.js";
import { described, percent } from "./stage.js";

const SPEAK_EVERY = 3000; // milliseconds: a live region that changes with each frame is noise

export class Panel {
  /**
   * @param {{list: HTMLElement, none: HTMLElement, live: HTMLElement, colourOf: Function, colourOfFace: Function}} parts
   *   `none` is shown where there is no face, `live` is read aloud; the colours are those of a class (by its name and
   *   number) and of a face (by its id).
   */
  constructor({ list, none, live, colourOf, colourOfFace }) {
    this.list = list;
    this.none = none;
    this.live = live;
    this.colourOf = colourOf;
    this.colourOfFace = colourOfFace;
    this.items = new Map();
    this.spoken = "";
    this.spokenAt = -Infinity;
  }

  /**
   * @param {{id: number, answers: any[]}[]} faces
   * @param {import("./reader.js").Student[]} students
   */
  show(faces, students) {
    const ids = new Set(faces.map(({ id }) => id));
    for (const [id, { item }] of this.items) {
      if (ids.has(id)) continue;
      item.remove();
      this.items.delete(id);
    }
    for (const face of faces) this.#face(face, students);
    this.none.hidden = faces.length > 0;
    this.#speak(faces);
  }

  /** Say so at once where what is seen is another thing than before, else not more often than one can hear. */
  #speak(faces) {
    if (!faces.length && !this.spoken) return;
    const labels = faces.map(({ id, answers }) => `${id}${answers.map(({ label }) => label)}`).join();
    const now = performance.now();
    if (labels === this.spoken || now - this.spokenAt < SPEAK_EVERY) return;
    this.spoken = labels;
    this.spokenAt = now;
    this.live.textContent = described(faces);
  }

  /** Forget what was said, for a new picture. */
  reset() {
    this.spoken = "";
    this.spokenAt = -Infinity;
    this.live.textContent = "";
  }

  #face({ id, answers }, students) {
    const kind = students.map(({ title, head }) => title + head.classes.join()).join();
    let entry = this.items.get(id);
    if (entry?.kind !== kind) {
      entry?.item.remove();
      entry = { kind, ...this.#item(id, students) };
      this.items.set(id, entry);
      this.list.append(entry.item);
    }
    const said = answers.map(({ label, confidence }) => `${label} ${percent(confidence)}`).join(" / ");
    entry.title.textContent = `Face ${id}: ${said}`;
    answers.forEach(({ label, probabilities }, student) => {
      students[student].head.classes.forEach((name, at) => {
        const { row, bar, number } = entry.rows[student][at];
        row.classList.toggle("likeliest", name === label);
        bar.style.setProperty("--share", probabilities[at]);
        number.textContent = `${(100 * probabilities[at]).toFixed(1)} %`;
      });
    });
  }

  #item(id, students) {
    const item = element("li", "face");
    item.style.setProperty("--face", this.colourOfFace(id));
    const title = element("h3");
    const tables = element("div", "students");
    const rows = students.map((student) => this.#table(student, tables));
    item.append(title, tables);
    return { item, title, rows };
  }

  #table({ title, head: { classes } }, tables) {
    const table = element("table", "student");
    table.createCaption().textContent = title;
    const body = table.createTBody();
    tables.append(table);
    return classes.map((name, number) => {
      const row = body.insertRow();
      const title = element("th");
      title.scope = "row";
      title.textContent = name;
      const bar = element("div");
      bar.style.setProperty("--colour", `var(--${this.colourOf(name, number)})`);
      const cell = element("td", "bar");
      cell.setAttribute("aria-hidden", "true");
      cell.append(bar);
      const share = element("td");
      row.append(title, cell, share);
      return { row, bar, number: share };
    });
  }
}
