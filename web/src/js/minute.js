// The section of the last minute: which face, its timeline, what the lines are.

import { byId } from "./dom.js";
import { drawTimeline } from "./timeline.js";

const DRAW_EVERY = 200; // milliseconds

export class Minute {
  /** @param {(name: string, number: number) => string} colourOf a class. */
  constructor(colourOf) {
    this.colourOf = colourOf;
    this.faces = byId("followed");
    this.students = byId("followed-model");
    this.drawnAt = -Infinity;
    this.drawAgain = () => {};
    this.isChosen = false;
    this.faces.onchange = () => {
      this.isChosen = true;
      this.drawAgain();
    };
    this.students.onchange = () => this.drawAgain();
    window.addEventListener("resize", () => this.drawAgain());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.drawAgain());
  }

  /**
   * @param {import("./history.js").History} history
   * @param {import("./reader.js").Student[]} students of whose answers one's are drawn.
   */
  show(history, students) {
    this.drawAgain = () => this.#draw(history.lastMinute(), students);
    if (performance.now() - this.drawnAt < DRAW_EVERY) return;
    this.drawnAt = performance.now();
    this.drawAgain();
  }

  #draw(rows, students) {
    const { title, head } = this.#listStudents(students);
    const ids = [...new Set(rows.map(({ face }) => face))].sort((one, other) => one - other);
    this.#listFaces(ids, rows.find(({ frame }) => frame === rows.at(-1).frame)?.face);
    const followed = Number(this.faces.value);
    const own = rows.filter(({ face, model }) => face === followed && model === title);
    drawTimeline(byId("timeline"), own, this.colourOf);
    this.#explain(head.classes);
  }

  /** A face that was chosen stays chosen while it is in the last minute; else the one seen last is. */
  #listFaces(ids, latest) {
    const { value } = this.faces;
    this.isChosen &&= ids.includes(Number(value));
    fill(this.faces, ids.map(String));
    this.faces.value = this.isChosen ? value : String(latest);
  }

  /** The student whose answers are drawn: of two one chooses. */
  #listStudents(students) {
    const titles = students.map(({ title }) => title);
    const chosen = Math.max(0, titles.indexOf(this.students.value));
    fill(this.students, titles);
    this.students.selectedIndex = chosen;
    this.students.parentElement.hidden = students.length < 2;
    return students[chosen];
  }

  #explain(classes) {
    const legend = byId("legend");
    if ([...legend.children].map(({ textContent }) => textContent).join() === classes.join()) return;
    legend.replaceChildren(
      ...classes.map((name, number) => {
        const item = document.createElement("li");
        item.textContent = name;
        item.style.setProperty("--colour", `var(--${this.colourOf(name, number)})`);
        return item;
      }),
    );
  }
}

/** Options of a select; they stay as they are where they are the same, for one may be open. */
function fill(select, values) {
  if ([...select.options].map(({ value }) => value).join() === values.join()) return;
  select.replaceChildren(...values.map((value) => new Option(value)));
}
