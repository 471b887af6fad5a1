// Reads a hub's claim code from the camera or a picture; typing works without this file.
const CODE = /(?:^|[^0-9A-Z])([0-9A-Z]{5})-?([0-9A-Z]{5})(?![0-9A-Z])/;
const EVERY_MS = 200;
const box = document.querySelector("[data-scan]");

function start(box) {
  const camera = box.querySelector("[data-camera]");
  const video = box.querySelector("video");
  const said = box.querySelector("[data-said]");
  const input = document.querySelector("input[name=code]");
  const canvas = document.createElement("canvas");
  const detector = "BarcodeDetector" in window ? new window.BarcodeDetector({ formats: ["qr_code"] }) : null;
  let stream = null;

  async function read(source, width, height) {
    if (detector) {
      const found = await detector.detect(source).catch(() => []);
      if (found.length) return found[0].rawValue;
    }
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(source, 0, 0, width, height);
    const seen = context.getImageData(0, 0, width, height);
    const found = window.jsQR ? window.jsQR(seen.data, width, height) : null;
    return found ? found.data : "";
  }

  function take(text) {
    const match = CODE.exec(text.toUpperCase());
    if (!match) return false;
    input.value = `${match[1]}-${match[2]}`;
    said.textContent = said.dataset.found;
    stop();
    input.focus();
    return true;
  }

  function stop() {
    if (stream) stream.getTracks().forEach((track) => track.stop());
    stream = null;
    video.hidden = true;
  }

  async function look() {
    if (!stream) return;
    if (video.videoWidth && take(await read(video, video.videoWidth, video.videoHeight))) return;
    setTimeout(look, EVERY_MS);
  }

  camera.addEventListener("click", async () => {
    if (stream) return;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      said.textContent = said.dataset.denied;
      return;
    }
    said.textContent = said.dataset.looking;
    video.hidden = false;
    video.srcObject = stream;
    await video.play();
    look();
  });

  box.querySelector("[data-picture]").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    const picture = await createImageBitmap(file).catch(() => null);
    const scale = picture ? Math.min(1, 1200 / Math.max(picture.width, picture.height)) : 0;
    const text = picture ? await read(picture, Math.round(picture.width * scale), Math.round(picture.height * scale)) : "";
    if (!take(text)) said.textContent = said.dataset.none;
  });

  camera.hidden = !navigator.mediaDevices;
  box.hidden = false;
}

if (box) start(box);
