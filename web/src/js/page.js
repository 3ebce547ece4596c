// What is shown: one camera, photo or video after the other.

import { byId } from "./dom.js";
import { Player } from "./player.js";
import { Session } from "./session.js";
import { decodePicture, isVideo, named, onNextFrame, openCamera, openVideo, PageError, stopPlayer } from "./sources.js";

const video = byId("video");

export class Page {
  /**
   * @param {any} constants of constants.json.
   * @param {{reader: import("./reader.js").Reader, stage: import("./stage.js").Stage, panel: import("./panel.js").Panel,
   *   minute: import("./minute.js").Minute}} parts
   */
  constructor(constants, { reader, stage, panel, minute }) {
    this.constants = constants;
    this.reader = reader;
    this.stage = stage;
    this.panel = panel;
    this.minute = minute;
    this.player = new Player(video, (text) => this.say(text));
    /** Resolved once there is something to read with. @type {Promise<void>} */
    this.ready = Promise.resolve();
    /** What runs or is being opened. @type {"photo" | "camera" | "video" | null} */
    this.source = null;
    this.running = new AbortController();
    /** What is seen, also after it was stopped. @type {Session | null} */
    this.session = null;
    this.picture = null; // the photo or the last frame
    this.shown = null; // what was read of it
    this.reads = 0; // again, of pictures that stand still
  }

  /** Do what a control asks; a failure becomes a sentence on the page. */
  async attempt(action) {
    byId("error").textContent = "";
    try {
      await action();
    } catch (error) {
      if (error.name !== "AbortError") this.fail(error); // something else was asked for meanwhile
    }
  }

  fail(error) {
    if (!(error instanceof PageError)) console.warn(error);
    byId("error").textContent = error.message;
  }

  say(text) {
    if (byId("message").textContent !== text) byId("message").textContent = text;
  }

  /** Open the first of some files. @param {File[]} files @param {string} verb what was done with them. */
  async open(files, verb) {
    const [file] = files;
    if (!file) throw new PageError(`What was ${verb} holds no picture and no video.`);
    await this.ready;
    await (isVideo(file) ? this.startVideo(file) : this.startPhoto(file));
    if (files.length > 1) throw new PageError(`Only one of the ${files.length} files is shown: ${named(file)}.`);
  }

  async startPhoto(file) {
    const signal = this.replace("photo", "Opening the photo…");
    const bitmap = await this.#opened(signal, () => decodePicture(file, this.constants.photos.most_pixels));
    this.begin("photo");
    this.picture = this.stage.grab(bitmap, this.constants.photos.halved_from);
    bitmap.close();
    this.say("Looking for faces…");
    await this.readStill();
  }

  /** Read what stands still: a photo, or what was seen last of a camera or a video; again where another model was chosen. */
  async readStill() {
    const { session } = this;
    const isPhoto = session?.kind === "photo";
    if (!isPhoto && !this.shown) return; // nothing was read yet
    if (this.source === "camera" || (this.source === "video" && !video.paused)) return; // the next frame comes
    const turn = ++this.reads;
    const read = await session.read(this.picture, isPhoto ? 0 : undefined);
    if (session !== this.session || turn !== this.reads) return;
    this.show(read);
    if (!isPhoto) return;
    const { length } = read.faces;
    this.say(length ? `${length} ${length === 1 ? "face" : "faces"} in this photo.` : "No face was found in this photo.");
  }

  async startCamera() {
    const signal = this.replace("camera", "Starting the camera…");
    const onEnd = () => {
      this.stop();
      this.fail(new PageError("The camera has gone away."));
    };
    await this.#opened(signal, () =>
      Promise.all([openCamera(video, byId("facing").value, signal, onEnd), this.reader.prepare("camera")]),
    );
    this.begin("camera");
    this.loop(signal);
  }

  async startVideo(file) {
    const signal = this.replace("video", "Opening the video…");
    const onBreak = (error) => {
      this.stop();
      this.fail(error);
    };
    await this.#opened(signal, () => Promise.all([openVideo(video, file, signal, onBreak), this.reader.prepare("video")]));
    this.begin("video");
    this.loop(signal);
    await video.play();
  }

  /** What is opened; where that fails nothing runs, and where something else was asked for meanwhile it ends here. */
  async #opened(signal, open) {
    try {
      const opened = await open();
      signal.throwIfAborted();
      return opened;
    } catch (error) {
      signal.throwIfAborted();
      this.stop();
      throw error;
    }
  }

  /** Stop what runs, for a source that is being opened. @returns {AbortSignal} of that source. */
  replace(source, message) {
    this.stop();
    this.source = source;
    byId("camera").textContent = source === "camera" ? "Stop camera" : "Start camera";
    this.say(message);
    return this.running.signal;
  }

  /** Stop the camera, the video or what is being opened; what was seen last stays to be looked at. */
  stop() {
    this.running.abort();
    this.running = new AbortController();
    stopPlayer(video);
    this.source = null;
    byId("camera").textContent = "Start camera";
    this.player.hide();
    this.say("");
  }

  /** Make ready for what was opened. */
  begin(kind) {
    this.session = new Session(this.reader, kind);
    this.panel.reset();
    this.shown = null;
    this.foundAt = -Infinity;
    byId("saving").hidden = true;
    byId("speed").textContent = "";
    this.say("");
    if (kind === "video") this.player.show();
    byId("minute").hidden = kind === "photo";
    byId("no-minute").hidden = kind !== "photo";
  }

  loop(signal) {
    onNextFrame(video, async (seconds) => {
      if (signal.aborted) return;
      try {
        await this.readFrame(seconds, signal);
      } catch (error) {
        if (signal.aborted) return; // something else runs by now
        this.stop();
        this.fail(error);
      }
      if (!signal.aborted) this.loop(signal);
    });
  }

  async readFrame(seconds, signal) {
    this.picture = this.stage.grab(video);
    const read = await this.session.read(this.picture, seconds);
    if (signal.aborted) return;
    this.show(read);
    if (read.faces.length || seconds < this.foundAt) this.foundAt = seconds;
    // Not for a frame or two: the sentence is read aloud. What the player said at the end is to stay: it may have ended
    // while the last frame was read.
    if (!video.ended) this.say(seconds - this.foundAt > this.constants.faces.following.patience ? "No face is seen." : "");
    this.player.showPosition();
  }

  show(read) {
    this.shown = read;
    this.draw();
    this.panel.show(read.faces, read.students);
    const isMoving = this.session.kind !== "photo";
    if (isMoving) this.minute.show(this.session.history, read.students);
    byId("saving").hidden = false;
    const { framesASecond: rate } = this.session;
    const frames = isMoving && rate ? `${rate.toFixed(rate < 10 ? 1 : 0)} frames a second · ` : "";
    byId("speed").textContent = `${frames}${read.findMs.toFixed(1)} ms to find faces · ${read.readMs.toFixed(1)} ms to read them`;
  }

  draw() {
    if (!this.shown) return;
    this.stage.show(this.shown.faces, this.session.kind === "camera" && byId("mirror").checked);
    byId("empty").hidden = true;
    byId("stage").classList.add("full");
  }
}
