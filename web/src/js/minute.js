// The section of the last minute: which face, its timeline, what the lines are.

import { drawTimeline } from "./timeline.js";

const DRAW_EVERY = 200; // milliseconds

const byId = (id) => document.getElementById(id);

export class Minute {
  /** @param {(name: string, number: number) => string} colourOf a class. */
  constructor(colourOf) {
    this.colourOf = colourOf;
    this.faces = byId("followed");
    this.drawnAt = -Infinity;
    this.drawAgain = () => {};
    this.isChosen = false;
    this.faces.onchange = () => {
      this.isChosen = true;
      this.drawAgain();
    };
    window.addEventListener("resize", () => this.drawAgain());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.drawAgain());
  }

  /**
   * @param {import("./history.js").History} history
   * @param {import("./reader.js").Student} student whose answers are drawn.
   */
  show(history, student) {
    this.drawAgain = () => this.#draw(history.lastMinute(), student);
    if (performance.now() - this.drawnAt < DRAW_EVERY) return;
    this.drawnAt = performance.now();
    this.drawAgain();
  }

  #draw(rows, { title, head }) {
    const ids = [...new Set(rows.map(({ face }) => face))].sort((one, other) => one - other);
    this.#list(ids, rows.find(({ frame }) => frame === rows.at(-1).frame)?.face);
    const followed = Number(this.faces.value);
    const own = rows.filter(({ face, model }) => face === followed && model === title);
    drawTimeline(byId("timeline"), own, this.colourOf);
    this.#explain(head.classes);
  }

  /** A face that was chosen stays chosen while it is in the last minute; else the one seen last is. */
  #list(ids, latest) {
    const { value, options } = this.faces;
    this.isChosen &&= ids.includes(Number(value));
    const chosen = this.isChosen ? Number(value) : latest;
    if ([...options].map((option) => option.value).join() !== ids.join()) {
      this.faces.replaceChildren(...ids.map((id) => new Option(id, id)));
    }
    this.faces.value = chosen;
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
