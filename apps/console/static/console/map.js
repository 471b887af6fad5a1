// The fleet's map: Web Mercator in one SVG, sites drawn together by the server, moved by pointer and keys.
const SVG = "http://www.w3.org/2000/svg";
const TILE = 256, DEEPEST = 19, LOWEST = 1;
const root = document.getElementById("fleet-map");
if (root) start(root);

function start(root) {
  const canvas = root.querySelector(".map-canvas");
  const [areasLayer, cellsLayer] = [root.querySelector(".map-areas"), root.querySelector(".map-cells")];
  const said = document.getElementById("map-said");
  const edges = Object.fromEntries(["west", "south", "east", "north"].map((name) => [name, Number(root.dataset[name])]));
  let view = fit(edges, size()), cells = [], areas = [], color = "state", asking = null, timer = 0;

  function size() { return { width: root.clientWidth || 600, height: root.clientHeight || 400 }; }

  function project([longitude, latitude]) {
    const world = TILE * 2 ** view.zoom, { width, height } = size();
    return [(mercatorX(longitude) - view.x) * world + width / 2, (mercatorY(latitude) - view.y) * world + height / 2];
  }

  function window_() {
    const world = TILE * 2 ** view.zoom, { width, height } = size();
    const [x, y] = [width / 2 / world, height / 2 / world];
    return { west: Math.max(longitudeOf(view.x - x), -180), east: Math.min(longitudeOf(view.x + x), 180),
      north: latitudeOf(Math.max(view.y - y, 0)), south: latitudeOf(Math.min(view.y + y, 1)), zoom: Math.round(view.zoom) };
  }

  function draw() {
    areasLayer.replaceChildren(...areas.flatMap(drawArea));
    const focused = document.activeElement?.dataset?.key;
    cellsLayer.replaceChildren(...cells.map(drawCell));
    if (focused) cellsLayer.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    drawScale(root.querySelector(".map-scale"), view, size());
  }

  function drawArea(feature) {
    const { type, coordinates } = feature.geometry;
    const polygons = type === "MultiPolygon" ? coordinates : [coordinates];
    const path = polygons.flat().map((ring) => "M" + ring.map((point) => project(point).map((n) => n.toFixed(1)).join(" ")).join("L") + "Z").join("");
    const shape = element("path", { class: "map-area", d: path, "fill-rule": "evenodd" });
    shape.append(title(`${feature.properties.name}: ${feature.properties.sites} sites`));
    const ring = polygons[0][0], middle = [0, 1].map((axis) => ring.reduce((sum, point) => sum + point[axis], 0) / ring.length);
    const [x, y] = project(middle), name = element("text", { class: "map-area-name", x: x.toFixed(1), y: y.toFixed(1) });
    name.textContent = feature.properties.name;
    return [shape, name];
  }

  function drawCell(cell) {
    const [x, y] = project(cell.at), radius = cell.sites === 1 ? 8 : Math.min(13 + 3.2 * Math.log10(cell.sites) * 2, 34);
    const words = cell.sites === 1 ? `${cell.name}: ${cell.online ? "hub online" : "hub not online"}, ${cell.kw} kW of battery power`
      : `${cell.sites} sites, ${cell.online} with the hub online, ${cell.kw} kW of battery power`;
    const group = element("g", { class: `map-cell ${colorOf(cell, color)}`, tabindex: "0", role: cell.sites === 1 ? "link" : "button",
      "aria-label": words, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, "data-key": cell.at.join(",") });
    group.append(title(words), element("circle", { r: radius.toFixed(1) }));
    if (cell.sites > 1) {
      const count = element("text", { dy: "4" });
      count.textContent = cell.sites < 10_000 ? String(cell.sites) : `${Math.round(cell.sites / 1000)}k`;
      group.append(count);
    }
    const open = () => cell.sites === 1 ? location.assign(root.dataset.site.replace(/0\/$/, `${cell.site}/`)) : zoomTo(cell.at, 2);
    group.addEventListener("click", open);
    group.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.stopPropagation(); open(); } });
    return group;
  }

  function changed() { draw(); clearTimeout(timer); timer = setTimeout(ask, 120); }

  async function ask() {
    asking?.abort();
    asking = new AbortController();
    const place = new URLSearchParams(Object.entries(window_()).map(([name, value]) => [name, String(value)]));
    try {
      const answer = await fetch(`${root.dataset.cells}&${place}`, { signal: asking.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const found = await answer.json();
      cells = found.cells;
      said.textContent = `${found.sites.toLocaleString()} ${found.sites === 1 ? "site" : "sites"} in view`;
      root.dataset.ready = "yes";
      draw();
    } catch (error) {
      if (error.name !== "AbortError") said.textContent = `The sites could not be loaded: ${error.message}. Move the map to try again.`;
    }
  }

  function zoomTo([longitude, latitude], by) {
    view = { x: mercatorX(longitude), y: mercatorY(latitude), zoom: clamp(view.zoom + by, LOWEST, DEEPEST) };
    changed();
  }

  function zoomAt(px, py, by) {
    const { width, height } = size(), before = TILE * 2 ** view.zoom, zoom = clamp(view.zoom + by, LOWEST, DEEPEST), after = TILE * 2 ** zoom;
    const [dx, dy] = [px - width / 2, py - height / 2];
    view = { x: view.x + dx / before - dx / after, y: clamp(view.y + dy / before - dy / after, 0, 1), zoom };
    changed();
  }

  function pan(dx, dy) {
    const world = TILE * 2 ** view.zoom;
    view = { ...view, x: clamp(view.x - dx / world, 0, 1), y: clamp(view.y - dy / world, 0, 1) };
    changed();
  }

  const pointers = new Map();
  let moved = 0;
  root.addEventListener("pointerdown", (event) => { if (!event.target.closest("button")) { pointers.set(event.pointerId, [event.clientX, event.clientY]); moved = 0; } });
  root.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const next = [event.clientX, event.clientY], other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const box = root.getBoundingClientRect(), ratio = distance(next, other) / Math.max(distance(last, other), 1);
      zoomAt((next[0] + other[0]) / 2 - box.left, (next[1] + other[1]) / 2 - box.top, Math.log2(ratio));
    } else {
      moved += Math.abs(next[0] - last[0]) + Math.abs(next[1] - last[1]);
      if (moved > 4) { if (!root.hasPointerCapture(event.pointerId)) root.setPointerCapture(event.pointerId); root.classList.add("dragging"); pan(next[0] - last[0], next[1] - last[1]); }
    }
    pointers.set(event.pointerId, next);
  });
  for (const name of ["pointerup", "pointercancel"]) root.addEventListener(name, (event) => { pointers.delete(event.pointerId); root.classList.remove("dragging"); });
  root.addEventListener("wheel", (event) => { event.preventDefault(); const box = root.getBoundingClientRect(); zoomAt(event.clientX - box.left, event.clientY - box.top, clamp(-event.deltaY / 240, -1, 1)); }, { passive: false });
  root.addEventListener("keydown", (event) => {
    const step = 80, moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    const { width, height } = size();
    if (moves[event.key]) pan(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") zoomAt(width / 2, height / 2, 1);
    else if (event.key === "-") zoomAt(width / 2, height / 2, -1);
    else return;
    event.preventDefault();
  });
  for (const button of root.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => { const { width, height } = size(); zoomAt(width / 2, height / 2, Number(button.dataset.zoom)); });
  for (const choice of document.querySelectorAll("input[name=color]")) choice.addEventListener("change", () => {
    color = choice.value;
    for (const legend of document.querySelectorAll(".map-legend")) legend.hidden = legend.dataset.for !== color;
    draw();
  });
  new ResizeObserver(changed).observe(root);
  fetch(root.dataset.outlines).then((answer) => answer.json()).then((found) => { areas = found.features; draw(); })
    .catch(() => { said.textContent = "The areas' outlines could not be loaded."; });
}

function colorOf(cell, by) {
  if (by === "power") { const each = cell.kw / cell.sites; return each < 1 ? "low" : each <= 5 ? "mid" : "high"; }
  const share = cell.online / cell.sites;
  return share > 0.97 ? "good" : share >= 0.5 ? "some" : "bad";
}

function fit({ west, south, east, north }, { width, height }) {
  const [x0, x1, y0, y1] = [mercatorX(west), mercatorX(east), mercatorY(north), mercatorY(south)];
  const wide = Math.max(x1 - x0, 1e-7), high = Math.max(y1 - y0, 1e-7);
  const zoom = Math.min(Math.log2(width * 0.8 / (TILE * wide)), Math.log2(height * 0.8 / (TILE * high)), 15);
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, zoom: clamp(zoom, LOWEST, DEEPEST) };
}

function drawScale(box, view, { width }) {
  const metersPerPixel = 40_075_017 * Math.cos(latitudeOf(view.y) * Math.PI / 180) / (TILE * 2 ** view.zoom);
  const most = metersPerPixel * Math.min(width / 4, 140), power = 10 ** Math.floor(Math.log10(most));
  const meters = [5, 2, 1].map((factor) => factor * power).find((one) => one <= most) ?? power;
  box.style.width = `${(meters / metersPerPixel).toFixed(0)}px`;
  box.firstElementChild.textContent = meters >= 1000 ? `${meters / 1000} km` : `${meters} m`;
}

function mercatorX(longitude) { return longitude / 360 + 0.5; }
function mercatorY(latitude) { const sine = Math.sin(clamp(latitude, -85, 85) * Math.PI / 180); return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI); }
function longitudeOf(x) { return (x - 0.5) * 360; }
function latitudeOf(y) { return Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180 / Math.PI; }
function clamp(value, low, high) { return Math.min(Math.max(value, low), high); }
function distance([x0, y0], [x1, y1]) { return Math.hypot(x1 - x0, y1 - y0); }
function element(name, attributes) { const made = document.createElementNS(SVG, name); for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value); return made; }
function title(words) { const made = element("title", {}); made.textContent = words; return made; }
