// Without a network: shows the page that was seen last at this address, without anything that could be done on it.
"use strict";
(async () => {
  const said = document.getElementById("offline");
  document.getElementById("again").addEventListener("click", (event) => {
    event.preventDefault();
    location.reload();
  });
  addEventListener("online", () => location.reload());

  const cache = await caches.open("ores-pages");
  const answer = await cache.match(location.href);
  if (!answer) return;
  const minutes = Math.round((Date.now() - Number(answer.headers.get("X-Kept-At"))) / 60000);
  const [text, number] = minutes < 2 ? [said.dataset.now, 0] : minutes < 90 ? [said.dataset.minutes, minutes]
    : minutes < 36 * 60 ? [said.dataset.hours, Math.round(minutes / 60)] : [said.dataset.days, Math.round(minutes / 1440)];
  said.textContent = said.dataset.kept.replace("{age}", text.replace("{n}", number));

  const seen = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.title = seen.title;
  for (const sheet of seen.querySelectorAll("link[rel=stylesheet]")) document.head.append(document.importNode(sheet));
  const main = document.importNode(seen.querySelector("main"), true);
  for (const form of main.querySelectorAll("form, script, .quarters")) form.remove();
  for (const part of main.querySelectorAll("*")) for (const name of part.getAttributeNames()) if (/^(hx|sse)-|^on/.test(name)) part.removeAttribute(name);
  document.getElementById("kept").replaceChildren(...main.childNodes);
})();
