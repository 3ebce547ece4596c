// Keeps the page on the device; a new build of it takes over when the page is opened or loaded again.

const WORKER = "sw.js";
const PATIENCE = 5000; // milliseconds

/** Register the service worker. A newer one that waits for its turn gets it, and the page is loaded from that. */
export async function keepOnDevice() {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  try {
    const waiting = (await serviceWorker.getRegistration())?.waiting;
    if (waiting && serviceWorker.controller) {
      const isChanged = new Promise((resolve, reject) => {
        serviceWorker.addEventListener("controllerchange", resolve);
        setTimeout(() => reject(new Error("the new build does not take over")), PATIENCE);
      });
      waiting.postMessage("take over");
      await isChanged;
      location.reload();
      await new Promise(() => {}); // nothing starts any more
    }
    serviceWorker.register(WORKER).catch((error) => console.warn(error)); // without it the page needs a network
  } catch (error) {
    console.warn(error);
  }
}
