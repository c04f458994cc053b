/** The service worker: the app itself is here without a network; everything else is not kept. */

declare const FILES: readonly string[];
declare const VERSION: string;

interface Life extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface Asked extends Life {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

interface Worker {
  addEventListener(name: "install" | "activate", listen: (event: Life) => void): void;
  addEventListener(name: "fetch", listen: (event: Asked) => void): void;
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  readonly registration: { readonly scope: string };
}

const worker = self as unknown as Worker;
const NAME = `hotsite-companion-${VERSION}`;
/** Changed by whoever runs the app, so it is asked for first and kept for later. */
const CONFIG = "config.json";

worker.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(NAME);
      await cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" })));
      await worker.skipWaiting();
    })(),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const old of await caches.keys()) {
        if (old.startsWith("hotsite-companion-") && old !== NAME) await caches.delete(old);
      }
      await worker.clients.claim();
    })(),
  );
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const scope = new URL(worker.registration.scope);
  if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const path = url.pathname.slice(scope.pathname.length);
  if (path === CONFIG) event.respondWith(freshly(request));
  else if (path === "" || FILES.includes(`./${path}`)) event.respondWith(kept(path === "" ? "./" : `./${path}`, request));
});

async function freshly(request: Request): Promise<Response> {
  const cache = await caches.open(NAME);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request.url, answer.clone());
    return answer;
  } catch (error) {
    const found = await cache.match(request.url);
    if (found) return found;
    throw error;
  }
}

async function kept(file: string, request: Request): Promise<Response> {
  const cache = await caches.open(NAME);
  return (await cache.match(file)) ?? fetch(request);
}
