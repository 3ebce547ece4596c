// What a LiteRT file says about itself: the JSON that fer_keras writes into its metadata.
// A LiteRT file is a FlatBuffer (https://flatbuffers.dev/internals); of its tables only these fields are read.

const MODEL_BUFFERS = 4;
const MODEL_METADATA = 6;
const METADATA_NAME = 0;
const METADATA_BUFFER = 1;
const BUFFER_DATA = 0;

/**
 * @param {Uint8Array} file a `.tflite` file's bytes.
 * @param {string} name of the metadata.
 * @returns {any} the JSON value by that name.
 * @throws {Error} the file has none.
 */
export function readMetadata(file, name) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const model = view.getUint32(0, true);
  for (const entry of tables(view, field(view, model, MODEL_METADATA))) {
    if (text(view, field(view, entry, METADATA_NAME)) === name) {
      const number = view.getUint32(field(view, entry, METADATA_BUFFER), true);
      const buffer = tables(view, field(view, model, MODEL_BUFFERS))[number];
      return JSON.parse(text(view, field(view, buffer, BUFFER_DATA)));
    }
  }
  throw new Error(`The model's file has no metadata "${name}".`);
}

/** The place of a table's field; 0 where the table leaves it out. */
function field(view, table, number) {
  const directory = table - view.getInt32(table, true);
  const slot = 4 + 2 * number;
  const offset = slot < view.getUint16(directory, true) ? view.getUint16(directory + slot, true) : 0;
  return offset && table + offset;
}

const follow = (view, place) => place + view.getUint32(place, true);

function tables(view, place) {
  if (!place) return [];
  const vector = follow(view, place);
  return Array.from({ length: view.getUint32(vector, true) }, (_, number) => follow(view, vector + 4 + 4 * number));
}

function text(view, place) {
  if (!place) return "";
  const vector = follow(view, place);
  const length = view.getUint32(vector, true);
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + vector + 4, length));
}
