// Pillow's own arithmetic, to the bit: what the package does to a face, this does too.
// Reference: Pillow's src/libImaging/Resample.c, Reduce.c and Convert.c.

const PRECISION = 22;
const HALF = 1 << (PRECISION - 1);

/**
 * @typedef {Object} Pixels
 * @property {Uint8Array} data row by row, channels together.
 * @property {number} width
 * @property {number} height
 * @property {number} channels
 */

/**
 * ITU-R 601 luma of RGBA or RGB.
 * @param {Pixels} image
 * @returns {Pixels} of one channel.
 */
export function grey({ data, width, height, channels }) {
  const out = new Uint8Array(width * height);
  for (let pixel = 0, at = 0; pixel < out.length; pixel++, at += channels) {
    out[pixel] = (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16;
  }
  return { data: out, width, height, channels: 1 };
}

/**
 * A rectangle about an image, whose edge is repeated where the rectangle reaches beyond it.
 * @param {Pixels} image
 * @param {number} left whole, as the other three.
 * @param {number} top
 * @param {number} right
 * @param {number} bottom
 * @returns {Pixels}
 */
export function part({ data, width, height, channels }, left, top, right, bottom) {
  const out = new Uint8Array((right - left) * (bottom - top) * channels);
  for (let y = top, to = 0; y < bottom; y++) {
    const row = Math.min(height - 1, Math.max(0, y)) * width;
    for (let x = left; x < right; x++) {
      const from = (row + Math.min(width - 1, Math.max(0, x))) * channels;
      for (let channel = 0; channel < channels; channel++) out[to++] = data[from + channel];
    }
  }
  return { data: out, width: right - left, height: bottom - top, channels };
}

/**
 * Turn a grey image counter-clockwise about a point (Pillow's `rotate`, BILINEAR); its size stays.
 * @param {Pixels} image of one channel.
 * @param {number} degrees
 * @param {number} x of the point.
 * @param {number} y
 * @returns {Pixels}
 */
export function rotate({ data, width, height }, degrees, x, y) {
  const radians = degrees * (Math.PI / 180);
  const [cosine, sine] = [Math.cos(radians), Math.sin(radians)].map((value) => Number(value.toFixed(15))); // as it does
  const [offsetX, offsetY] = [-cosine * x + sine * y + x, -sine * x - cosine * y + y];
  const out = new Uint8Array(width * height);
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++, to++) {
      const fromX = cosine * (column + 0.5) - sine * (row + 0.5) + offsetX;
      const fromY = sine * (column + 0.5) + cosine * (row + 0.5) + offsetY;
      if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height) continue;
      out[to] = between(data, width, height, fromX - 0.5, fromY - 0.5);
    }
  }
  return { data: out, width, height, channels: 1 };
}

function between(data, width, height, x, y) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [first, second] = [Math.max(0, left), Math.min(width - 1, left + 1)];
  const mixed = (row) => data[row * width + first] + (data[row * width + second] - data[row * width + first]) * (x - left);
  const above = mixed(Math.max(0, top));
  return top + 1 < height ? above + (mixed(top + 1) - above) * (y - top) : above;
}

/** Pillow's BILINEAR. */
const triangle = (x) => Math.max(0, 1 - Math.abs(x));

/** Pillow's HAMMING: a sharper filter of the same width. */
export function hamming(x) {
  if (x === 0) return 1;
  if (Math.abs(x) >= 1) return 0;
  const angle = Math.abs(x) * Math.PI;
  return (Math.sin(angle) / angle) * (Math.fround(0.54) + Math.fround(0.46) * Math.cos(angle));
}

/**
 * Scale by a filter that widens with the scale, first along rows, then along columns.
 * @param {Pixels} image
 * @param {number} width
 * @param {number} height
 * @param {number[]} box left, top, right and bottom of what is scaled, not always whole; default: all.
 * @param {(x: number) => number} filter of width 1.
 * @returns {Pixels}
 */
export function resize(image, width, height, box = [0, 0, image.width, image.height], filter = triangle) {
  const [left, top, right, bottom] = box.map(Math.fround); // as it keeps them
  if (left || right !== width || image.width !== width) image = alongRows(image, width, left, right, filter);
  if (top || bottom !== height || image.height !== height) image = alongColumns(image, height, top, bottom, filter);
  return image;
}

/**
 * Pillow's `resize` with a `reducing_gap`: blocks become their means first where at least `gap` times the size is left.
 * @param {Pixels} image
 * @param {number} width
 * @param {number} height
 * @param {number} gap
 * @returns {Pixels}
 */
export function thumbnail(image, width, height, gap) {
  const factorX = Math.floor(image.width / width / gap) || 1;
  const factorY = Math.floor(image.height / height / gap) || 1;
  if (factorX === 1 && factorY === 1) return resize(image, width, height);
  const box = [0, 0, image.width / factorX, image.height / factorY];
  return resize(reduce(image, factorX, factorY), width, height, box);
}

/** For each place of the output: where its weights begin in the input, how many there are, and the weights. */
function coefficients(size, low, high, outSize, filter) {
  const scale = Math.fround(high - low) / outSize;
  const filterScale = Math.max(scale, 1);
  const most = Math.ceil(filterScale) * 2 + 1;
  const starts = new Int32Array(outSize);
  const counts = new Int32Array(outSize);
  const weights = new Int32Array(outSize * most);
  for (let out = 0; out < outSize; out++) {
    const centre = low + (out + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - filterScale + 0.5));
    const count = Math.min(size, Math.trunc(centre + filterScale + 0.5)) - start;
    const values = Array.from({ length: count }, (_, at) => filter((at + start - centre + 0.5) * (1 / filterScale)));
    const sum = values.reduce((total, weight) => total + weight, 0);
    starts[out] = start;
    counts[out] = count;
    values.forEach((weight, at) => {
      weights[out * most + at] = Math.trunc(0.5 + (sum ? weight / sum : weight) * (1 << PRECISION));
    });
  }
  return { starts, counts, weights, most };
}

/** Transparency is dropped here. */
function alongRows({ data, width, height, channels }, outWidth, left, right, filter) {
  const { starts, counts, weights, most } = coefficients(width, left, right, outWidth, filter);
  const kept = Math.min(channels, 3);
  const out = new Uint8Array(outWidth * height * kept);
  for (let channel = 0; channel < kept; channel++) {
    for (let row = 0, to = channel; row < height; row++) {
      const begin = row * width * channels + channel;
      for (let x = 0; x < outWidth; x++, to += kept) {
        let sum = HALF;
        let from = begin + starts[x] * channels;
        const end = x * most + counts[x];
        for (let at = x * most; at < end; at++, from += channels) sum += data[from] * weights[at];
        out[to] = sum >> PRECISION;
      }
    }
  }
  return { data: out, width: outWidth, height, channels: kept };
}

function alongColumns({ data, width, height, channels }, outHeight, top, bottom, filter) {
  const { starts, counts, weights, most } = coefficients(height, top, bottom, outHeight, filter);
  const stride = width * channels;
  const out = new Uint8Array(stride * outHeight);
  const sums = new Int32Array(stride);
  for (let y = 0; y < outHeight; y++) {
    sums.fill(HALF);
    for (let row = 0; row < counts[y]; row++) {
      const weight = weights[y * most + row];
      const from = (starts[y] + row) * stride;
      for (let at = 0; at < stride; at++) sums[at] += data[from + at] * weight;
    }
    for (let at = 0, to = y * stride; at < stride; at++, to++) out[to] = sums[at] >> PRECISION;
  }
  return { data: out, width, height: outHeight, channels };
}

/**
 * Means of blocks; those at the right and the lower edge may be smaller. Transparency is dropped.
 * @param {Pixels} image
 * @param {number} factorX
 * @param {number} factorY
 * @returns {Pixels}
 */
export function reduce({ data, width, height, channels }, factorX, factorY) {
  const [outWidth, outHeight] = [Math.ceil(width / factorX), Math.ceil(height / factorY)];
  const kept = Math.min(channels, 3);
  const out = new Uint8Array(outWidth * outHeight * kept);
  const stride = width * channels;
  const sums = new Uint32Array(stride);
  for (let y = 0, to = 0; y < outHeight; y++) {
    const rows = Math.min(factorY, height - y * factorY);
    sums.fill(0);
    for (let row = 0, from = y * factorY * stride; row < rows; row++, from += stride) {
      for (let at = 0; at < stride; at++) sums[at] += data[from + at];
    }
    for (let x = 0; x < outWidth; x++) {
      const columns = Math.min(factorX, width - x * factorX);
      for (let channel = 0; channel < kept; channel++, to++) {
        let sum = 0;
        let from = x * factorX * channels + channel;
        for (let column = 0; column < columns; column++, from += channels) sum += sums[from];
        out[to] = mean(sum, rows * columns);
      }
    }
  }
  return { data: out, width: outWidth, height: outHeight, channels: kept };
}

/** Pillow multiplies by a fraction in whole numbers, where others divide. */
function mean(sum, count) {
  if (count === 1) return sum;
  return Math.imul(sum + (count >> 1), Math.trunc(Math.fround(2 ** 32 / (256 * count)))) >>> 24;
}

/** Python's `round`: halves go to the even number. */
export function roundEven(value) {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 ? low + 1 : low;
}
