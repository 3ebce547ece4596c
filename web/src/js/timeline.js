// The last minute of one face: a line a class.

import { colour, percent } from "./stage.js";

const MINUTE = 60;
const MARGIN = { left: 44, right: 10, top: 10, bottom: 24 };

/**
 * Draw it.
 * @param {HTMLCanvasElement} canvas
 * @param {import("./history.js").Row[]} rows of one face and one student, in the order of time.
 * @param {(name: string, number: number) => string} colourOf a class, by its name in style.css.
 */
export function drawTimeline(canvas, rows, colourOf) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const end = rows.at(-1)?.seconds ?? 0;
  const x = (seconds) => MARGIN.left + ((seconds - end) / MINUTE + 1) * (width - MARGIN.left - MARGIN.right);
  const y = (share) => MARGIN.top + (1 - share) * (height - MARGIN.top - MARGIN.bottom);
  drawAxes(pen, x, y, end);
  const classes = rows.at(-1)?.classes ?? [];
  classes.forEach((name, number) => {
    pen.strokeStyle = colour(colourOf(name, number));
    pen.lineWidth = 2;
    pen.beginPath();
    rows.forEach(({ seconds, answer }, at) => {
      const isGap = at === 0 || seconds - rows[at - 1].seconds > 1;
      pen[isGap ? "moveTo" : "lineTo"](x(seconds), y(answer.probabilities[number]));
    });
    pen.stroke();
  });
  canvas.setAttribute("aria-label", summary(rows));
}

function drawAxes(pen, x, y, end) {
  pen.fillStyle = colour("quiet");
  pen.strokeStyle = colour("line");
  pen.font = "12px system-ui, sans-serif";
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  pen.lineWidth = 1;
  for (const share of [0, 0.5, 1]) {
    pen.fillText(percent(share), MARGIN.left - 6, y(share));
    pen.beginPath();
    pen.moveTo(x(end - MINUTE), y(share));
    pen.lineTo(x(end), y(share));
    pen.stroke();
  }
  pen.textBaseline = "top";
  for (const back of [60, 45, 30, 15, 0]) {
    pen.textAlign = back === 60 ? "left" : back ? "center" : "right";
    pen.fillText(back ? `−${back} s` : "now", x(end - back), y(0) + 7);
  }
}

function summary(rows) {
  if (!rows.length) return "No face has been followed yet";
  const counts = new Map();
  for (const { answer } of rows) counts.set(answer.label, (counts.get(answer.label) ?? 0) + 1);
  const shares = [...counts].sort((one, other) => other[1] - one[1]).map(([label, n]) => `${label} ${percent(n / rows.length)}`);
  return `Face ${rows[0].face} in the last minute: ${shares.join(", ")} of the frames`;
}
