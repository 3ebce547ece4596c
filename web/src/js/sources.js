// Where pictures come from: files, the clipboard, cameras; and the sentences for where they do not.

/** A failure that the page tells in one sentence. */
export class PageError extends Error {}

/**
 * Decode a picture, upright, its colours as they are in the file.
 * @param {Blob} file
 * @param {number} mostPixels
 * @returns {Promise<ImageBitmap>}
 * @throws {PageError} it is no picture that this browser reads, or too large.
 */
export async function decodePicture(file, mostPixels) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    throw new PageError(`${named(file)} is no picture or video that this browser can read.`);
  }
  if (bitmap.width * bitmap.height > mostPixels) {
    throw new PageError(`${named(file)} has ${bitmap.width}x${bitmap.height} pixels, more than can be read here.`);
  }
  return bitmap;
}

const named = (file) => (file.name ? `“${file.name}”` : "What was pasted");

/** Whether a file says that it is a video. */
export const isVideo = (file) => file.type.startsWith("video/") || /\.(mp4|m4v|mov|webm|mkv|ogv|avi)$/i.test(file.name);

/**
 * Open a video file in a player.
 * @param {HTMLVideoElement} player
 * @param {File} file
 * @throws {PageError} this browser cannot play it, or it shows nothing.
 */
export async function openVideo(player, file) {
  const url = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => {
      player.onloadeddata = resolve;
      player.onerror = reject;
      player.src = url;
    });
  } catch {
    throw new PageError(`${named(file)} is no picture or video that this browser can read.`);
  } finally {
    player.onerror = player.onloadeddata = null;
  }
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
 * @param {"user" | "environment"} facing the front or the back camera, where there are both.
 * @param {() => void} onEnd is called where the camera goes away.
 * @throws {PageError} there is none, or it may not be used.
 */
export async function openCamera(player, facing, onEnd) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new PageError("The browser gives no camera to this page: it must be opened by https:// or from localhost.");
  }
  try {
    const video = { facingMode: facing, width: { ideal: 640 }, height: { ideal: 480 } };
    const stream = await navigator.mediaDevices.getUserMedia({ video });
    stream.getVideoTracks()[0].onended = onEnd;
    player.srcObject = stream;
    await player.play();
  } catch (error) {
    stopPlayer(player);
    throw new PageError(CAMERA_FAILURES[error.name] ?? `The camera cannot be started (${error.message}).`);
  }
}

/** Stop whatever a player plays, and let the camera go. @param {HTMLVideoElement} player */
export function stopPlayer(player) {
  for (const track of player.srcObject?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
  player.pause();
  player.srcObject = null;
  if (player.src.startsWith("blob:")) URL.revokeObjectURL(player.src);
  player.removeAttribute("src");
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
