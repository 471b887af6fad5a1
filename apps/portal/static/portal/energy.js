// Draws a period's quarter-hours: signed 16-bit numbers, high byte first, in steps of 10 W, one series after the other.
"use strict";
(() => {
  const NAMES = ["sun", "used", "battery", "grid"];
  const NOTHING = -32768;
  const STEP_S = 900;

  const box = document.querySelector(".quarters");
  if (!box || !window.uPlot) return;
  const canvas = box.querySelector(".canvas");
  const hidden = box.dataset.hidden.trim().split(/\s+/);
  const shown = NAMES.filter((name) => !hidden.includes(name));

  // Colors are roles of the style sheet; a canvas needs them worked out.
  const probe = document.createElement("span");
  box.append(probe);
  const color = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };

  const decode = (buffer) => {
    const view = new DataView(buffer);
    const count = view.byteLength / 2 / NAMES.length;
    const starts = Number(box.dataset.starts);
    const instants = Float64Array.from({ length: count }, (_, index) => starts + index * STEP_S);
    const series = NAMES.map((_, place) =>
      Array.from({ length: count }, (_, index) => {
        const value = view.getInt16((place * count + index) * 2);
        return value === NOTHING ? null : value / 100;
      }));
    return [instants, ...series.filter((_, place) => shown.includes(NAMES[place]))];
  };

  const keys = box.querySelector(".quarter-keys");
  const values = shown.map((name) => {
    const key = document.createElement("span");
    key.className = `key ${name}`;
    const now = document.createElement("span");
    now.className = "now";
    key.append(document.createElement("i"), `${box.dataset[name]} `, now);
    keys.append(key);
    return now;
  });
  const number = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const point = (plot) => {
    const at = plot.cursor.idx;
    values.forEach((now, place) => {
      const value = at == null ? null : plot.data[place + 1][at];
      now.textContent = value == null ? "" : `${number.format(value)} ${box.dataset.unit}`;
    });
  };

  const lines = () => shown.map((name) => ({
    label: name, stroke: color(name), width: 1.5, spanGaps: false, points: { show: false },
    fill: name === "sun" ? color(name).replace("rgb(", "rgba(").replace(")", ", .16)") : undefined,
  }));
  const axis = () => ({
    stroke: color("muted"), grid: { stroke: color("rule"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif",
  });

  const written = (options) => new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: box.dataset.zone, ...options });
  const hour = written({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const day = written({ day: "numeric", month: "short" });
  const month = written({ month: "short" });
  const marks = (_, splits, __, ___, step) =>
    splits.map((at) => (step >= 28 * 86400 ? month : step >= 86400 ? day : hour).format(at * 1000));

  let plot = null;
  const draw = (data) => {
    const zoom = plot && { min: plot.scales.x.min, max: plot.scales.x.max };
    if (plot) plot.destroy();
    plot = new uPlot({
      width: canvas.clientWidth, height: canvas.clientHeight, legend: { show: false }, cursor: { points: { size: 6 } },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), box.dataset.zone),
      series: [{}, ...lines()], axes: [{ ...axis(), values: marks }, { ...axis(), size: 44 }], hooks: { setCursor: [point] },
    }, data, canvas);
    if (zoom) plot.setScale("x", zoom);
    box.dataset.drawn = String(data[0].length);
  };

  const load = async () => {
    const answer = await fetch(box.dataset.quarters, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const data = decode(await answer.arrayBuffer());
    draw(data);
    const resize = () => plot.setSize({ width: canvas.clientWidth, height: canvas.clientHeight });
    new ResizeObserver(resize).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(data));
  };
  load().catch(() => { box.querySelector(".quarter-note").textContent = box.dataset.failed; });
})();
