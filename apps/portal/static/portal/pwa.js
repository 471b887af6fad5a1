// Lets the service worker keep the shell; where browsers have none, nothing is lost.
"use strict";
if ("serviceWorker" in navigator && isSecureContext) {
  addEventListener("load", () => navigator.serviceWorker.register("/sw.js").catch(() => {}));
}
