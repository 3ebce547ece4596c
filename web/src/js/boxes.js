// Boxes of x, y, width and height: how much two overlap, and one for what was found several times.
// The same as fer_keras/faces/boxes.py.

/**
 * @param {ArrayLike<number>} box
 * @param {ArrayLike<number>} other
 * @returns {number} intersection over union.
 */
export function overlap(box, other) {
  const width = Math.min(box[0] + box[2], other[0] + other[2]) - Math.max(box[0], other[0]);
  const height = Math.min(box[1] + box[3], other[1] + other[3]) - Math.max(box[1], other[1]);
  const inside = Math.max(0, width) * Math.max(0, height);
  return inside / Math.max(box[2] * box[3] + other[2] * other[3] - inside, 1e-37);
}

/**
 * Weighted non-maximum suppression: what overlaps the best becomes its mean, weighted by score.
 * Reference: Bazarevsky et al., "BlazeFace", 2019, arXiv 1907.05047.
 *
 * @param {{values: number[], score: number}[]} found `values` begin with the box.
 * @param {number} sameFace the overlap from which on two are one.
 * @returns {{values: number[], score: number}[]} the likeliest first.
 */
export function merged(found, sameFace) {
  let left = [...found].sort((one, other) => other.score - one.score);
  const faces = [];
  while (left.length) {
    const [best] = left;
    const isSame = (face) => face === best || overlap(best.values, face.values) >= sameFace;
    const group = left.filter(isSame);
    const weight = group.reduce((sum, face) => sum + face.score, 0);
    const values = best.values.map((_, at) => group.reduce((sum, face) => sum + face.score * face.values[at], 0) / weight);
    faces.push({ values, score: best.score });
    left = left.filter((face) => !isSame(face));
  }
  return faces;
}
