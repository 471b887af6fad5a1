// Push messages, for the service worker: shows what came, and opens the page that tells more. Loaded by importScripts.
self.addEventListener("push", (event) => {
  let sent = {};
  try {
    sent = event.data ? event.data.json() : {};
  } catch {
    sent = { body: event.data ? event.data.text() : "" };
  }
  const shown = { body: sent.body || "", tag: sent.tag, icon: "/static/portal/icon.svg", data: { path: sent.path || "/notifications/" } };
  event.waitUntil(self.registration.showNotification(sent.title || "ORES Cloud", shown));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const wanted = new URL(event.notification.data?.path || "/notifications/", self.location.origin);
  if (wanted.origin !== self.location.origin) return;
  const open = async () => {
    const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const held = windows.find((one) => new URL(one.url).pathname === wanted.pathname);
    return held ? held.focus() : self.clients.openWindow(wanted.href);
  };
  event.waitUntil(open());
});
