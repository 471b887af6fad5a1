// Keeps the shell and the pages seen last, so that without a network something honest is shown. Never answers a write,
// a stream or data; a page from the network always wins.
"use strict";
importScripts("{{ push }}");
const SHELL = "ores-shell-{{ version }}";
const PAGES = "ores-pages";
const OFFLINE = "{% url 'common:offline' %}";
const FILES = [OFFLINE{% for file in files %}, "{{ file }}"{% endfor %}];
const MOST_PAGES = 30;
const NEVER = /^\/(account|admin|invitations|live|api|openadr3|device|hub|app|ores|console)\b/;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("ores-") && name !== SHELL && name !== PAGES) await caches.delete(name);
    await self.clients.claim();
  })());
});

// Somebody else may sign in here: what was kept is forgotten.
const signsOut = (request) => request.method === "POST" && new URL(request.url).pathname.startsWith("/account/");

const keep = async (request, answer) => {
  const cache = await caches.open(PAGES);
  const headers = new Headers(answer.headers);
  headers.set("X-Kept-At", String(Date.now()));
  await cache.put(request.url, new Response(await answer.blob(), { status: 200, headers }));
  const kept = await cache.keys();
  for (const old of kept.slice(0, Math.max(0, kept.length - MOST_PAGES))) await cache.delete(old);
};

const page = async (event) => {
  const request = event.request;
  try {
    const answer = await fetch(request);
    const kind = answer.headers.get("Content-Type") || "";
    if (answer.ok && !answer.redirected && kind.startsWith("text/html")) event.waitUntil(keep(request, answer.clone()));
    return answer;
  } catch (error) {
    return (await caches.match(OFFLINE)) || Response.error();
  }
};

const file = async (request) => {
  try {
    return await fetch(request);
  } catch (error) {
    return (await caches.match(request, { ignoreSearch: true })) || Response.error();
  }
};

self.addEventListener("fetch", (event) => {
  const request = event.request;
  const address = new URL(request.url);
  if (signsOut(request)) event.waitUntil(caches.delete(PAGES));
  if (request.method !== "GET" || address.origin !== self.location.origin || NEVER.test(address.pathname)) return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (address.pathname.startsWith("/static/")) event.respondWith(file(request));
});
