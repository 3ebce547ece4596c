// Fetches the page's own files. All but the code are packed, so that the folder is small on any host, also on one that
// does not compress what it sends.

import { decompress } from "../vendor/fzstd.js";

/** Where a file of this build lies. @param {string} file */
export const addressOf = (file) => new URL(`../${file}`, import.meta.url).href;

/**
 * @param {string} file of this build.
 * @returns {Promise<Uint8Array>} its bytes; unpacked where its name ends in .zst.
 * @throws {Error} it cannot be fetched.
 */
export async function fetchFile(file) {
  let response;
  try {
    response = await fetch(addressOf(file));
  } catch {
    throw new Error(`${file} cannot be reached.`);
  }
  if (!response.ok) throw new Error(`${file} cannot be fetched (${response.status}).`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const packed = /(?:\.(\d))?\.zst$/.exec(file);
  return packed ? interleaved(decompress(bytes), Number(packed[1] ?? 1)) : bytes;
}

/** Undo what `packed` of web/build.py does to numbers of a width: their first bytes come first, then the second ones. */
function interleaved(bytes, width) {
  if (width === 1) return bytes;
  const count = bytes.length / width;
  const together = new Uint8Array(bytes.length);
  for (let place = 0; place < width; place++) {
    for (let number = 0; number < count; number++) together[number * width + place] = bytes[place * count + number];
  }
  return together;
}
