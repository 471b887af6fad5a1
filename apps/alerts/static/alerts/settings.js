// The button that lets this browser take push messages. Without this script, or without push, the rest of the page works.
const box = document.querySelector("[data-push]");

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat((4 - (text.length % 4)) % 4));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

async function tell(body) {
  const answer = await fetch(box.dataset.push, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": box.dataset.token },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error((await answer.json()).detail);
}

async function registration() {
  return (await navigator.serviceWorker.getRegistration("/")) || navigator.serviceWorker.register("/sw.js");
}

function show(state) {
  for (const part of box.querySelectorAll("[data-state]")) part.hidden = part.dataset.state !== state;
}

async function turnOn() {
  if ((await Notification.requestPermission()) !== "granted") return show("denied");
  await registration();
  const worker = await navigator.serviceWorker.ready;
  const held = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(box.dataset.key) });
  await tell(held.toJSON());
  return show("on");
}

async function turnOff() {
  const worker = await navigator.serviceWorker.getRegistration("/");
  const held = await worker?.pushManager.getSubscription();
  if (held) {
    await tell({ off: held.endpoint });
    await held.unsubscribe();
  }
  show("off");
}

async function begin() {
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return show("none");
  if (Notification.permission === "denied") return show("denied");
  const worker = await navigator.serviceWorker.getRegistration("/");
  return show((await worker?.pushManager.getSubscription()) ? "on" : "off");
}

if (box) {
  const doing = (act) => async (event) => {
    event.currentTarget.disabled = true;
    try {
      await act();
    } catch (error) {
      box.querySelector("[data-said]").textContent = error.message;
      show("failed");
    }
    for (const button of box.querySelectorAll("button")) button.disabled = false;
  };
  box.querySelector("[data-on]").addEventListener("click", doing(turnOn));
  box.querySelector("[data-off]").addEventListener("click", doing(turnOff));
  begin();
}
