// Where pictures come from: files and cameras; and the sentences for where they do not.

/** A failure that the page tells in one sentence. */
export class PageError extends Error {}

/** What a sentence calls a file. @param {File} file */
export const named = (file) => (file.name ? `“${file.name}”` : "What was pasted");

/** Whether a file says that it is a video. @param {File} file */
export const isVideo = (file) => file.type.startsWith("video/") || /\.(mp4|m4v|mov|webm|mkv|ogv|avi)$/i.test(file.name);

const notReadable = (file) => new PageError(`${named(file)} is no picture or video that this browser can read.`);

/**
 * Decode a picture, upright, its colours as they are in the file.
 * @param {File} file
 * @param {number} mostPixels
 * @returns {Promise<ImageBitmap>}
 * @throws {PageError} it is no picture that this browser reads, or too large.
 */
export async function decodePicture(file, mostPixels) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    throw notReadable(file);
  }
  const { width, height } = bitmap;
  if (width * height <= mostPixels) return bitmap;
  bitmap.close();
  throw new PageError(`${named(file)} has ${width}x${height} pixels, more than can be read here.`);
}

/**
 * Open a video file in a player.
 * @param {HTMLVideoElement} player
 * @param {File} file
 * @param {AbortSignal} signal ends the wait for it, and with it the use of the player.
 * @param {(error: PageError) => void} onBreak is called where the file turns out damaged further on.
 * @throws {PageError} this browser cannot play it, or it shows nothing.
 */
export async function openVideo(player, file, signal, onBreak) {
  if (!file.size) throw notReadable(file); // the browser would complain of it in its console
  let isOpen = false;
  await new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
    player.addEventListener("loadeddata", resolve, { signal });
    player.addEventListener(
      "error",
      () => (isOpen ? onBreak(new PageError(`${named(file)} is damaged: it cannot be read further.`)) : reject(notReadable(file))),
      { signal },
    );
    player.src = URL.createObjectURL(file);
  });
  isOpen = true;
  if (!player.videoWidth) throw new PageError(`${named(file)} has sound but no picture.`);
}

const CAMERA_FAILURES = {
  NotAllowedError: "The camera may not be used: allow it for this page in the browser, then start it again.",
  NotFoundError: "No camera was found on this device; a photo or a video can still be opened.",
  OverconstrainedError: "No such camera was found on this device.",
  NotReadableError: "The camera does not answer; another program may be using it.",
};

/**
 * Show a camera in a player.
 * @param {HTMLVideoElement} player
 * @param {string} facing `user` or `environment`: the front or the back camera, where there are both.
 * @param {AbortSignal} signal ends the use of it, also while one is asked for permission.
 * @param {() => void} onEnd is called where the camera goes away.
 * @throws {PageError} there is none, or it may not be used.
 */
export async function openCamera(player, facing, signal, onEnd) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new PageError("The browser gives no camera to this page: it must be opened by https:// or from localhost.");
  }
  try {
    const video = { facingMode: facing, width: { ideal: 640 }, height: { ideal: 480 } };
    const stream = await navigator.mediaDevices.getUserMedia({ video });
    if (signal.aborted) letGo(stream);
    signal.throwIfAborted();
    stream.getVideoTracks()[0].addEventListener("ended", onEnd, { signal });
    player.srcObject = stream;
    await player.play();
  } catch (error) {
    signal.throwIfAborted();
    throw new PageError(CAMERA_FAILURES[error.name] ?? `The camera cannot be started (${error.message}).`);
  }
}

const letGo = (stream) => stream.getTracks().forEach((track) => track.stop());

/** Stop whatever a player plays, and let the camera go. @param {HTMLVideoElement} player */
export function stopPlayer(player) {
  if (player.srcObject) letGo(player.srcObject);
  if (player.src) URL.revokeObjectURL(player.src);
  player.removeAttribute("src");
  player.srcObject = null; // which makes the player forget both
}

/**
 * Call back once for the next new frame of a player.
 * @param {HTMLVideoElement} player
 * @param {(seconds: number) => void} callback gets the frame's time.
 */
export function onNextFrame(player, callback) {
  if (player.requestVideoFrameCallback) player.requestVideoFrameCallback((_, { mediaTime }) => callback(mediaTime));
  else requestAnimationFrame(() => callback(player.currentTime));
}
