// Keeps the whole page on the device, so that it opens without a network. web/build.py writes BUILD, a hash of all
// files, and FILES above this: a new build is another cache.
//
// A new build is fetched while the old one is shown, and shown when the page is loaded again, in whichever window. No
// window mixes two: all but index.html lies in a folder that is named after its build. The build before stays, for
// windows that still show it.

const CACHES = `fer-keras ${self.registration.scope} `; // an origin may hold several such pages
const CACHE = CACHES + BUILD;

self.addEventListener("install", (event) => {
  // Past the browser's own cache, in which an old index.html may lie.
  const requests = ["./", ...FILES].map((file) => new Request(file, { cache: "no-cache" }));
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(requests))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const isOld = (name) => name.startsWith(CACHES) && name !== CACHE;
  event.waitUntil(
    caches
      .keys() // in the order in which they were made
      .then((names) => Promise.all(names.filter(isOld).slice(0, -1).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || new URL(event.request.url).origin !== self.location.origin) return;
  event.respondWith(
    caches
      .match(event.request, { ignoreSearch: true, cacheName: CACHE })
      .then((found) => found ?? caches.match(event.request))
      .then((found) => found ?? fetch(event.request)),
  );
});
