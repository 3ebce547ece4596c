// Files that the page makes.

/**
 * @param {Blob} blob
 * @param {string} name of the file.
 */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A name for a file made now. */
export const stamp = () => `faces-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}`;
