// The picture with its boxes and labels.

import { reduce } from "./resample.js";

const STRIPE = 512; // rows; an even number

export const percent = (share) => `${Math.round(100 * share)} %`;

/** A colour of style.css, which differs with light and dark, as a canvas takes it. @param {string} name */
export function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/**
 * @typedef {import("./resample.js").Pixels & {scale: number}} Picture RGBA; how many pixels of its source one of its
 *   own is wide.
 */

export class Stage {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {string[]} faceColours in which faces take turns.
   */
  constructor(canvas, faceColours) {
    this.faceColours = faceColours;
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.copy = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  }

  /**
   * Take the pixels of a picture or of a player's frame.
   * @param {ImageBitmap | HTMLVideoElement} source
   * @param {number} halvedFrom a picture of more pixels is read and shown at half its sides.
   * @returns {Picture}
   */
  grab(source, halvedFrom = Infinity) {
    const isVideo = source instanceof HTMLVideoElement;
    const width = isVideo ? source.videoWidth : source.width;
    const height = isVideo ? source.videoHeight : source.height;
    if (width * height > halvedFrom) return this.#grabHalf(source, width, height);
    this.#clear(width, height);
    this.copy.drawImage(source, 0, 0);
    return { data: this.#pixels(height), width, height, channels: 4, scale: 1 };
  }

  /** By stripes: browsers of phones have no canvas for a whole photo of 48 megapixels. */
  #grabHalf(source, width, height) {
    const half = { width: Math.ceil(width / 2), height: Math.ceil(height / 2) };
    const shown = new ImageData(half.width, half.height);
    for (let top = 0; top < height; top += STRIPE) {
      this.#clear(width, STRIPE);
      this.copy.drawImage(source, 0, -top);
      const rows = Math.min(STRIPE, height - top);
      const { data } = reduce({ data: this.#pixels(rows), width, height: rows, channels: 4 }, 2, 2);
      for (let from = 0, to = top * half.width * 2; from < data.length; to += 4, from += 3) {
        shown.data.set([data[from], data[from + 1], data[from + 2], 255], to);
      }
    }
    this.#clear(half.width, half.height);
    this.copy.putImageData(shown, 0, 0);
    return { data: new Uint8Array(shown.data.buffer), ...half, channels: 4, scale: width / half.width };
  }

  #clear(width, height) {
    const { canvas } = this.copy;
    if (canvas.width === width && canvas.height === height) this.copy.clearRect(0, 0, width, height);
    else Object.assign(canvas, { width, height });
  }

  #pixels(rows) {
    return new Uint8Array(this.copy.getImageData(0, 0, this.copy.canvas.width, rows).data.buffer);
  }

  /**
   * Show the picture grabbed last.
   * @param {{id: number, crop: import("./crop.js").Crop, answers: {label: string, confidence: number}[]}[]} faces
   * @param {boolean} mirrored
   */
  show(faces, mirrored) {
    const { width, height } = this.copy.canvas;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.canvas.hidden = false;
    this.pen.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? width : 0, 0);
    this.pen.drawImage(this.copy.canvas, 0, 0);
    for (const face of faces) this.#square(face, Math.max(width, height) / 320);
    this.pen.setTransform(1, 0, 0, 1, 0, 0);
    for (const face of faces) this.#label(face, Math.max(width, height) / 320, mirrored);
    this.canvas.setAttribute("aria-label", described(faces));
  }

  /** @param {number} id */
  colourOfFace(id) {
    return this.faceColours[(id - 1) % this.faceColours.length];
  }

  #square({ id, crop }, unit) {
    this.pen.save();
    this.pen.translate(crop.x, crop.y);
    this.pen.rotate((crop.angle * Math.PI) / 180);
    const stroke = (style, width) => {
      Object.assign(this.pen, { strokeStyle: style, lineWidth: width });
      this.pen.strokeRect(-crop.side / 2, -crop.side / 2, crop.side, crop.side);
    };
    stroke("#000a", 2.6 * unit);
    stroke(this.colourOfFace(id), 1.4 * unit);
    this.pen.restore();
  }

  #label({ id, crop, answers }, unit, mirrored) {
    const { width, height } = this.canvas;
    const size = 10 * unit;
    this.pen.font = `600 ${size}px system-ui, sans-serif`;
    this.pen.textBaseline = "top";
    const lines = answers.map(({ label, confidence }) => `${label} ${percent(confidence)}`);
    lines[0] = `${id}: ${lines[0]}`;
    const wide = Math.max(...lines.map((line) => this.pen.measureText(line).width)) + size * 0.6;
    const high = lines.length * size * 1.2 + size * 0.3;
    const [x, y, side] = [crop.x - crop.side / 2, crop.y - crop.side / 2, crop.side];
    const left = Math.max(0, Math.min(width - wide, mirrored ? width - x - side : x));
    const top = y - high >= 0 ? y - high : Math.max(0, Math.min(height - high, y + side));
    this.pen.fillStyle = "#000c";
    this.pen.fillRect(left, top, wide, high);
    this.pen.fillStyle = this.colourOfFace(id);
    this.pen.fillRect(left, top, size * 0.2, high);
    this.pen.fillStyle = "#fff";
    lines.forEach((line, at) => this.pen.fillText(line, left + size * 0.4, top + size * (0.2 + 1.2 * at)));
  }
}

/** Faces in words. */
export function described(faces) {
  if (!faces.length) return "No face is seen.";
  return faces
    .map(({ id, answers }) => `Face ${id}: ${answers.map((a) => `${a.label}, ${percent(a.confidence)}`).join(" or ")}.`)
    .join(" ");
}
