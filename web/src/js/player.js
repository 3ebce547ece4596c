// The controls of a video file.

import { byId } from "./dom.js";

export class Player {
  /**
   * @param {HTMLVideoElement} video
   * @param {(text: string) => void} say
   */
  constructor(video, say) {
    this.video = video;
    this.play = byId("play");
    this.position = byId("position");
    this.position.oninput = () => (video.currentTime = Number(this.position.value) * video.duration);
    const showState = () => (this.play.textContent = video.paused ? "Play" : "Pause");
    video.onplay = video.onpause = showState;
    video.ondurationchange = () => (this.position.disabled = !Number.isFinite(video.duration)); // some recordings do not say
    video.onended = () => {
      showState();
      say("The video has ended.");
    };
  }

  show() {
    byId("player").hidden = false;
    this.showPosition();
  }

  hide() {
    byId("player").hidden = true;
  }

  /** Play on, or pause. */
  async toggle() {
    if (this.video.paused) await this.video.play();
    else this.video.pause();
  }

  showPosition() {
    const { currentTime, duration } = this.video;
    this.position.value = String(currentTime / duration || 0);
    this.position.setAttribute("aria-valuetext", `${currentTime.toFixed(1)} of ${duration.toFixed(1)} seconds`);
  }
}
