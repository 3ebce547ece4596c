// Files that are chosen, dropped or pasted.

/**
 * @param {{button: HTMLElement, input: HTMLInputElement, stage: HTMLElement}} parts what opens the browser's own
 *   dialog, and what shows that a file may be dropped, which it may anywhere.
 * @param {(files: File[], verb: string) => void} onFiles also where there is none; `verb` is what was done.
 */
export function listenToFiles({ button, input, stage }, onFiles) {
  button.onclick = () => input.click();
  input.onchange = () => {
    const files = [...input.files];
    input.value = ""; // the same file may be chosen again
    if (files.length) onFiles(files, "chosen");
  };
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    stage.classList.add("over");
  });
  document.addEventListener("dragleave", () => stage.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("over");
    onFiles([...event.dataTransfer.files], "dropped");
  });
  document.addEventListener("paste", ({ clipboardData }) => onFiles([...clipboardData.files], "pasted"));
}
