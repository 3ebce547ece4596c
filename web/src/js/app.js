// Starts the page: its parts, its controls and what they do.

import { Choices } from "./choices.js";
import { byId } from "./dom.js";
import { download, stamp } from "./downloads.js";
import { fetchFile } from "./fetching.js";
import { listenToFiles } from "./files.js";
import { Minute } from "./minute.js";
import { Page } from "./page.js";
import { Panel } from "./panel.js";
import { Reader } from "./reader.js";
import { startRuntime } from "./runtime.js";
import { PageError } from "./sources.js";
import { Stage } from "./stage.js";

const COLOURS = 8; // of classes, in style.css

function makePage(constants) {
  const colourOf = (name, number) => `c${(constants.class_colours[name] ?? number) % COLOURS}`;
  const stage = new Stage(byId("picture"), constants.faces.colours);
  const [list, none, live] = ["faces", "no-faces", "live"].map(byId);
  const panel = new Panel({ list, none, live, colourOf, colourOfFace: (id) => stage.colourOfFace(id) });
  return new Page(constants, { reader: new Reader(constants), stage, panel, minute: new Minute(colourOf) });
}

function listen(page, choices) {
  const onClick = (id, action) => (byId(id).onclick = () => page.attempt(action));
  onClick("camera", () => (page.source === "camera" ? page.stop() : page.startCamera()));
  onClick("play", () => page.player.toggle());
  onClick("csv", () => download(new Blob([page.session.history.csv()], { type: "text/csv" }), `${stamp()}.csv`));
  onClick("still", async () => {
    const blob = await new Promise((resolve) => byId("picture").toBlob(resolve));
    if (!blob) throw new PageError("This browser cannot make a PNG of a picture this large.");
    download(blob, `${stamp()}.png`);
  });
  byId("mirror").onchange = () => page.draw();
  byId("facing").onchange = ({ target }) => {
    byId("mirror").checked = target.value === "user"; // as in a mirror one sees oneself, not others
    if (page.source === "camera") page.attempt(() => page.startCamera());
  };
  const [button, input, target] = ["open", "file", "stage"].map(byId);
  listenToFiles({ button, input, stage: target }, (files, verb) => page.attempt(() => page.open(files, verb)));
  choices.onChange(() =>
    page.attempt(async () => {
      await choices.apply();
      await page.readStill();
    }),
  );
}

async function start() {
  const constants = JSON.parse(new TextDecoder().decode(await fetchFile("constants.json")));
  const page = makePage(constants);
  const choices = new Choices(page.reader, constants.models);
  listen(page, choices);
  page.say("Loading…");
  page.ready = startRuntime().then(() => choices.apply());
  await page.attempt(async () => {
    await page.ready.finally(() => page.say(""));
    byId("camera").disabled = byId("open").disabled = false;
  });
  document.body.dataset.ready = "true";
}

navigator.serviceWorker?.register("sw.js").catch((error) => console.warn(error)); // without it the page needs a network
start().catch((error) => (byId("error").textContent = `The page cannot start: ${error.message}`));
