// The page: its controls, and what they start.

import { Choices } from "./choices.js";
import { download, stamp } from "./downloads.js";
import { Panel } from "./panel.js";
import { Reader } from "./reader.js";
import { fetchFile, startRuntime } from "./runtime.js";
import { Session } from "./session.js";
import { decodePicture, isVideo, onNextFrame, openCamera, openVideo, PageError, stopPlayer } from "./sources.js";
import { Stage } from "./stage.js";
import { Minute } from "./minute.js";

const byId = (id) => document.getElementById(id);
const player = byId("video");
const COLOURS = 8; // of classes, in style.css

class Page {
  constructor(constants) {
    this.constants = constants;
    this.reader = new Reader(constants);
    this.choices = new Choices(this.reader, constants.models);
    this.stage = new Stage(byId("picture"), constants.faces.colours);
    const colourOf = (name, number) => `c${(constants.class_colours[name] ?? number) % COLOURS}`;
    const colourOfFace = (id) => this.stage.colourOfFace(id);
    const [list, none, live] = ["faces", "no-faces", "live"].map(byId);
    this.panel = new Panel({ list, none, live, colourOf, colourOfFace });
    this.minute = new Minute(colourOf);
    /** @type {"photo" | "camera" | "video" | null} */
    this.source = null;
    this.run = 0; // which loop may go on
    this.shown = null;
  }

  listen() {
    byId("camera").onclick = () => this.attempt(() => (this.source === "camera" ? this.stop() : this.startCamera()));
    byId("facing").onchange = () => this.source === "camera" && this.attempt(() => this.startCamera());
    byId("mirror").onchange = () => this.draw();
    byId("open").onclick = () => byId("file").click();
    byId("file").onchange = ({ target }) => {
      const [file] = target.files;
      target.value = ""; // the same file may be chosen again
      if (file) this.attempt(() => this.open(file));
    };
    byId("play").onclick = () => this.attempt(() => (player.paused ? player.play() : player.pause()));
    byId("position").oninput = ({ target }) => (player.currentTime = target.value * player.duration);
    byId("csv").onclick = () => download(new Blob([this.session.history.csv()], { type: "text/csv" }), `${stamp()}.csv`);
    byId("still").onclick = () => byId("picture").toBlob((blob) => download(blob, `${stamp()}.png`));
    player.onplay = player.onpause = player.onended = () => this.showPlayer();
    this.choices.onChange(() => this.attempt(() => this.choose()));
    this.listenToFiles();
  }

  listenToFiles() {
    const stage = byId("stage");
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      stage.classList.add("over");
    });
    document.addEventListener("dragleave", () => stage.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      stage.classList.remove("over");
      const [file] = event.dataTransfer.files;
      if (file) this.attempt(() => this.open(file));
    });
    document.addEventListener("paste", ({ clipboardData }) => {
      const [file] = clipboardData.files;
      this.attempt(() => {
        if (!file) throw new PageError("What was pasted holds no picture and no video.");
        return this.open(file);
      });
    });
  }

  /** Do what a control asks; a failure becomes a sentence on the page. */
  async attempt(action) {
    byId("error").textContent = "";
    try {
      await action();
    } catch (error) {
      if (!(error instanceof PageError)) console.warn(error);
      byId("error").textContent = error.message;
    }
  }

  async choose() {
    await this.choices.apply();
    if (this.source === "photo") await this.readPhoto();
  }

  async open(file) {
    if (isVideo(file)) await this.startVideo(file);
    else await this.startPhoto(file);
  }

  async startPhoto(file) {
    const bitmap = await decodePicture(file, this.constants.photos.most_pixels);
    this.stop();
    this.begin("photo");
    this.picture = this.stage.grab(bitmap, this.constants.photos.halved_from);
    bitmap.close();
    this.say("Looking for faces…");
    await this.readPhoto();
  }

  async readPhoto() {
    const { run, session } = this;
    const read = await session.read(this.picture, 0);
    if (run !== this.run) return;
    this.show(read);
    const { length } = read.faces;
    this.say(length ? `${length} ${length === 1 ? "face" : "faces"} in this photo.` : "No face was found in this photo.");
  }

  async startCamera() {
    this.stop();
    const onEnd = () => {
      this.stop();
      byId("error").textContent = "The camera has gone away.";
    };
    this.begin("camera");
    const { run } = this;
    this.say("Starting the camera…");
    try {
      await Promise.all([openCamera(player, byId("facing").value, onEnd), this.reader.prepare("camera")]);
    } catch (error) {
      if (run === this.run) this.stop();
      throw error;
    }
    this.say("");
    this.loop(run);
  }

  async startVideo(file) {
    this.stop();
    try {
      await openVideo(player, file);
      await this.reader.prepare("video");
    } catch (error) {
      stopPlayer(player);
      throw error;
    }
    this.begin("video");
    this.loop(this.run);
    await player.play();
  }

  /** Make ready for another source. */
  begin(source) {
    this.source = source;
    this.session = new Session(this.reader, source);
    this.panel.reset();
    this.panel.show([], []);
    this.shown = null;
    byId("saving").hidden = true;
    byId("speed").textContent = "";
    this.say("");
    byId("camera").textContent = source === "camera" ? "Stop camera" : "Start camera";
    byId("player").hidden = source !== "video";
    byId("minute").hidden = source === "photo";
    byId("no-minute").hidden = source !== "photo";
  }

  /** Stop the camera or the video; what was seen last stays to be looked at. */
  stop() {
    this.run++;
    stopPlayer(player);
    this.source = null;
    byId("camera").textContent = "Start camera";
    byId("player").hidden = true;
    this.say("");
  }

  loop(run) {
    onNextFrame(player, async (seconds) => {
      if (run !== this.run) return;
      await this.attemptFrame(seconds, run);
      if (run === this.run) this.loop(run);
    });
  }

  async attemptFrame(seconds, run) {
    try {
      const read = await this.session.read(this.stage.grab(player), seconds);
      if (run !== this.run) return;
      this.show(read);
      this.say(read.faces.length ? "" : "No face is seen.");
      if (this.source === "video") byId("position").value = player.currentTime / player.duration || 0;
    } catch (error) {
      this.stop();
      console.warn(error);
      byId("error").textContent = error.message;
    }
  }

  show(read) {
    this.shown = read;
    this.draw();
    this.panel.show(read.faces, read.students);
    if (this.session.kind !== "photo") this.minute.show(this.session.history, read.students[0]);
    byId("saving").hidden = false;
    const { framesASecond } = this.session;
    const rate = this.session.kind !== "photo" && framesASecond ? `${framesASecond.toFixed(framesASecond < 10 ? 1 : 0)} frames a second · ` : "";
    byId("speed").textContent = `${rate}${read.findMs.toFixed(1)} ms to find faces · ${read.readMs.toFixed(1)} ms to read them`;
  }

  draw() {
    if (!this.shown) return;
    const isMirrored = this.source === "camera" && byId("mirror").checked;
    this.stage.show(this.shown.faces, isMirrored);
    byId("empty").hidden = true;
    byId("stage").classList.add("full");
  }

  showPlayer() {
    byId("play").textContent = player.paused ? "Play" : "Pause";
    if (player.ended) this.say("The video has ended.");
  }

  say(text) {
    if (byId("message").textContent !== text) byId("message").textContent = text;
  }
}

async function start() {
  const constants = JSON.parse(new TextDecoder().decode(await fetchFile("constants.json")));
  const page = new Page(constants);
  page.listen();
  await page.attempt(async () => {
    page.say("Loading…");
    await startRuntime().finally(() => page.say(""));
    await page.choices.apply();
    byId("camera").disabled = byId("open").disabled = false;
  });
  document.body.dataset.ready = "true";
}

navigator.serviceWorker?.register("sw.js").catch((error) => console.warn(error)); // without it the page needs a network
start().catch((error) => (byId("error").textContent = `The page cannot start: ${error.message}`));
