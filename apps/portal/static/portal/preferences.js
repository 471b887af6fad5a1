// Numbers beside sliders follow the hand; without this the page works all the same.
for (const slider of document.querySelectorAll("[data-slider]")) {
  const output = slider.parentElement.querySelector("output");
  const hours = document.getElementById("reserve-hours");
  slider.addEventListener("input", () => {
    output.value = `${slider.value} %`;
    const capacity = Number(slider.dataset.capacity);
    if (!hours || !capacity) return;
    const lasts = (slider.value / 100) * capacity / Number(slider.dataset.load);
    hours.textContent = lasts < 1.5
      ? slider.dataset.minutes.replace("{n}", Math.round(lasts * 12) * 5)
      : slider.dataset.hours.replace("{n}", Math.round(lasts));
  });
}
// A time that is typed means that there are quiet hours.
const off = document.querySelector("[name=quiet_off]");
for (const time of document.querySelectorAll("[type=time]")) time.addEventListener("input", () => { off.checked = false; });
