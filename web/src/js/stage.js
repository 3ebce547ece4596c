// The picture with its boxes and labels.

import { reduce } from "./resample.js";

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
   * @returns {import("./resample.js").Pixels & {scale: number}} RGBA; how many pixels of the source one of them is wide.
   */
  grab(source, halvedFrom = Infinity) {
    const width = source.videoWidth ?? source.width;
    const height = source.videoHeight ?? source.height;
    if (this.copy.canvas.width !== width || this.copy.canvas.height !== height) {
      Object.assign(this.copy.canvas, { width, height });
    } else {
      this.copy.clearRect(0, 0, width, height);
    }
    this.copy.drawImage(source, 0, 0);
    const data = new Uint8Array(this.copy.getImageData(0, 0, width, height).data.buffer);
    const picture = { data, width, height, channels: 4, scale: 1 };
    return width * height > halvedFrom ? this.#halved(picture) : picture;
  }

  #halved(picture) {
    const half = reduce(picture, 2, 2);
    Object.assign(this.copy.canvas, { width: half.width, height: half.height });
    const shown = this.copy.createImageData(half.width, half.height);
    for (let pixel = 0; pixel < half.width * half.height; pixel++) {
      for (let channel = 0; channel < 3; channel++) shown.data[4 * pixel + channel] = half.data[3 * pixel + channel];
      shown.data[4 * pixel + 3] = 255;
    }
    this.copy.putImageData(shown, 0, 0);
    return { ...half, scale: picture.width / half.width };
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
    for (const [style, line] of [["#000a", 2.6 * unit], [this.colourOfFace(id), 1.4 * unit]]) {
      this.pen.strokeStyle = style;
      this.pen.lineWidth = line;
      this.pen.strokeRect(-crop.side / 2, -crop.side / 2, crop.side, crop.side);
    }
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
