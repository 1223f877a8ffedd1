/* Shared by all views. Python puts this file and ui.js in front of a view's own file, and the three are one ES module
   (relative imports cannot be resolved in a notebook). How to write a view, static/NAME.js:

     const maths = { ... };                      // the view's arithmetic: pure functions, compared with torch by a test
     const view = defineView("NAME", (ui) => {   // runs once for each place where the view is shown
       ui.slider("t", { label: "tile side t", min: 1, max: 6 });          // bound to the synced trait t
       ui.choice("order", { label: "loop order", options: [["ijk", "i j k"], ["jik", "j i k"]] });
       ui.button("Step", () => ui.set({ step: ui.get("step") + 1 }));
       const stage = ui.stage("what the picture shows, for a screen reader");
       ui.draw(() => {                           // now, and after every change of a trait
         const A = grid(ui, { key: "A", label: "matrix A", x: 10, y: 30, rows: 2, cols: 3, value: (r, c) => r * c,
                              onPick: (cell) => ..., onPress: (cell) => ... });   // hover, focus, tap; click, Enter
         stage.show(400, 200, A.node, A.mark(0, 0, 1, 2, "solid"));      // width, height, SVG nodes
         ui.say("step 1 of 27");                 // the one live status line
       });
     });
     export { maths };
     export default view;                        // these two lines end every view

   ui.room(least, most) says how wide the picture may be; ui.predict asks before the picture tells; ui.toggle is a check box;
   grid and walk are cells and items to point at, axes a plot, outline, cross and marker the marks on them.
   ui.get(trait) reads, ui.set({ trait: value, ... }) writes to the model and to Python. Nothing moves by itself except
   after a press on Play (ui.player). Colours carry no meaning alone: say it in text, shape or line style too. */

const OKABE = { orange: "#E69F00", sky: "#56B4E9", green: "#009E73", yellow: "#F0E442", blue: "#0072B2",
  vermilion: "#D55E00", purple: "#CC79A7", black: "#000000" };
const CIVIDIS = ["#00224e", "#083370", "#35456c", "#4f576c", "#666970", "#7d7c78", "#948e77", "#aea371", "#c8b866",
  "#e5cf52", "#fee838"];

function make(namespace, tag, attributes, children) {
  const node = namespace ? document.createElementNS(namespace, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
const S = (tag, attributes, ...children) => make("http://www.w3.org/2000/svg", tag, attributes, children);
const H = (tag, attributes, ...children) => make(null, tag, attributes, children);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const range = (n, start = 0) => Array.from({ length: Math.max(0, n) }, (_, i) => start + i);
/** A true minus sign in front of numbers; hyphens inside words stay. */
const minus = (text) => String(text).replace(/(^|[^\w])-(?=[\d.])/g, "$1\u2212");

/** The colour of t in [0, 1] on cividis, as [r, g, b]. */
function cividisRGB(t) {
  const place = clamp(Number.isFinite(t) ? t : 0, 0, 1) * (CIVIDIS.length - 1);
  const i = Math.min(Math.floor(place), CIVIDIS.length - 2);
  const channel = (hex, k) => parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16);
  return [0, 1, 2].map((k) => Math.round(channel(CIVIDIS[i], k) + (place - i) * (channel(CIVIDIS[i + 1], k) - channel(CIVIDIS[i], k))));
}
const cividis = (t) => `rgb(${cividisRGB(t).join(",")})`;
/** Black or white, whichever is read better on cividis(t). */
function inkOn(t) {
  const [r, g, b] = cividisRGB(t).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff";
}
/** A number as a cell shows it: at most four characters where that is possible. */
function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "?";
  if (!Number.isFinite(value)) return value > 0 ? "\u221e" : "\u2212\u221e";
  if (Number.isInteger(value)) return minus(value);
  const digits = Math.abs(value) < 10 ? (Math.abs(value) < 1 ? 2 : 1) : 0;
  return minus(value.toFixed(digits).replace(/^(-?)0\./, "$1."));
}
/** Text in the picture. cls: "" (plain), "fci-strong", "fci-quiet", "fci-mono"; anchor: start, middle, end. */
const label = (x, y, text, { anchor = "start", cls = "", ...more } = {}) =>
  S("text", { x, y, "text-anchor": anchor, class: `fci-text ${cls}`, ...more }, minus(text));

/** An outline drawn twice, light under dark, so that it is seen on any cell. kind: solid, dashed, dotted. */
function outline(x, y, width, height, kind = "solid", more = {}) {
  const box = { x, y, width, height, rx: 3, ...more };
  return S("g", { class: `fci-outline fci-${kind}` }, S("rect", { ...box, class: "fci-halo" }), S("rect", { ...box, class: "fci-edge" }));
}
/** A cross over a cell: "this one differs". */
const cross = (x, y, size) => S("g", { class: "fci-outline fci-cross" }, ["fci-halo", "fci-edge"].map((cls) =>
  S("path", { class: cls, d: `M${x + size * 0.14} ${y + size * 0.14}l${size * 0.72} ${size * 0.72}M${x + size * 0.86} ${y + size * 0.14}l${-size * 0.72} ${size * 0.72}` })));

/** A matrix of cells that can be hovered, tapped and walked with the arrow keys.
    value(r, c): a number, or null for an empty cell; kind(r, c): a class for the cell ("fci-pad": dashed, no colour).
    Numbers are written where all of them fit at 14 px. onPick([r, c] or null): the cell under the pointer or the keyboard cursor. onPress([r, c]): click, Enter, Space. */
function grid(ui, { key, label: name, x = 0, y = 0, rows, cols, size = 28, value, text, kind, lo, hi, caption, cls = "", onPick, onPress }) {
  const values = range(rows).map((r) => range(cols).map((c) => value(r, c)));
  const finite = values.flat().filter(Number.isFinite);
  const low = lo ?? Math.min(...finite, 0), high = hi ?? Math.max(...finite, low + 1);
  const shade = (v) => (high > low ? (v - low) / (high - low) : 0.5);
  const words = values.map((row, r) => row.map((v, c) => (v === null || v === undefined ? "" : text ? text(v, r, c) : short(v))));
  const need = Math.max(...words.flat().map((word) => word.length)) * 9.3 + 3, written = size >= 20 && need * 0.82 <= size;
  const cells = S("g", { class: "fci-cells" });
  for (const r of range(rows)) for (const c of range(cols)) {
    const v = values[r][c], empty = v === null || v === undefined, t = shade(v), own = empty ? "fci-empty" : kind?.(r, c) ?? "";
    cells.append(S("rect", { x: x + c * size, y: y + r * size, width: size, height: size, class: `fci-cell ${own}`,
      style: own ? null : `fill:${cividis(t)}`, "data-cell": `${r},${c}`, "data-value": empty ? null : v }));
    if (written && !empty) cells.append(S("text", { x: x + (c + 0.5) * size, y: y + (r + 0.5) * size, class: "fci-number",
      style: own ? null : `fill:${inkOn(t)}`, ...(words[r][c].length * 9.3 + 3 > size ? { textLength: size - 4, lengthAdjust: "spacingAndGlyphs" } : {}) }, words[r][c]));
  }
  const at = (r, c) => [x + c * size, y + r * size];
  const mark = (r, c, height = 1, width = 1, kind = "solid") => outline(x + c * size, y + r * size, width * size, height * size, kind);
  const node = S("g", { class: `fci-grid ${cls}`, "data-key": key }, caption ? label(x, y - 8, caption, { cls: "fci-strong" }) : null, cells);
  if (onPick || onPress) {
    let [row, col] = ui.cursors[key] ?? [0, 0];
    row = clamp(row, 0, rows - 1); col = clamp(col, 0, cols - 1);
    const pick = (cell) => { if (cell) ui.cursors[key] = [row, col] = cell; onPick?.(cell); };
    const hit = (event) => event.target.dataset?.cell?.split(",").map(Number);
    const guard = (handler) => ui.guard(handler);
    node.addEventListener("pointermove", guard((event) => {   // a repaint under a pointer at rest is no move
      const cell = hit(event), spot = `${event.clientX},${event.clientY}`;
      if (cell && ui.spot !== spot && ui.over !== `${key},${cell}`) { ui.over = `${key},${cell}`; pick(cell); }
      ui.spot = spot;
    }));
    node.addEventListener("pointerleave", guard(() => { if (ui.over) onPick?.(null); ui.over = null; }));
    node.addEventListener("click", guard((event) => { const cell = hit(event); if (cell) { pick(cell); onPress?.(cell); } }));
    node.addEventListener("focus", guard(() => node.matches(":focus-visible") && pick([row, col])));
    node.addEventListener("blur", guard(() => ui.redrawing || onPick?.(null)));
    node.addEventListener("keydown", guard((event) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -cols], End: [0, cols] }[event.key];
      if (move) { event.preventDefault(); pick([clamp(row + move[0], 0, rows - 1), clamp(col + move[1], 0, cols - 1)]); }
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); onPress?.([row, col]); }
    }));
    for (const [k, v] of Object.entries({ tabindex: 0, role: "application", "aria-roledescription": "matrix",
      "aria-label": `${name ?? key}, ${rows} rows, ${cols} columns. Arrow keys move.`, "data-focus": key })) node.setAttribute(k, v);
  }
  return { node, mark, at, size, x, y, rows, cols, values, width: cols * size, height: rows * size,
    cross: (r, c) => cross(...at(r, c), size) };
}

/** A group of numbered items (nodes inside carry data-item) that can be hovered, tapped and walked with the arrow keys.
    onPick(item or null), onPress(item): as for grid. find(event): the item under a pointer, where nodes do not tell. */
function walk(ui, { key, label: name, count, start = 0, find, onPick, onPress }, ...children) {
  const node = S("g", { class: "fci-walk", "data-key": key, "data-focus": key, tabindex: 0, role: "application",
    "aria-label": `${name}. Arrow keys move.` }, ...children);
  const here = () => clamp(ui.cursors[key] ?? start, 0, count - 1);
  const pick = (item) => { ui.cursors[key] = item; onPick(item); };
  const hit = find ?? ((event) => { const item = event.target.closest("[data-item]"); return item ? Number(item.dataset.item) : null; });
  const leave = () => onPick(null);
  const on = {
    pointermove: (event) => {   // as for grid: a repaint under a pointer at rest is no move
      const item = hit(event), spot = `${event.clientX},${event.clientY}`, over = item === null ? null : `${key},${item}`;
      if (ui.spot !== spot && ui.over !== over) { ui.over = over; if (item === null) leave(); else pick(item); }
      ui.spot = spot;
    },
    pointerleave: () => { if (ui.over) leave(); ui.over = null; },
    click: (event) => { const item = hit(event); if (item !== null) { pick(item); onPress?.(item); } },
    focus: () => node.matches(":focus-visible") && pick(here()),
    blur: () => ui.redrawing || leave(),
    keydown: (event) => {
      const move = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -count, End: count }[event.key];
      if (move) { event.preventDefault(); pick(clamp(here() + move, 0, count - 1)); }
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); onPress?.(here()); }
    } };
  for (const [event, run] of Object.entries(on)) node.addEventListener(event, ui.guard(run));
  return node;
}

/** Round numbers for an axis, about `count` of them in [low, high]. */
const ticks = (low, high, count) => {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw)), every = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  return range(Math.floor(high / every) - Math.ceil(low / every) + 1, Math.ceil(low / every)).map((i) => Number((i * every).toPrecision(12)));
};
/** Axes of a plot; X and Y map numbers to the picture, line() draws points, log: "x", "y" or "xy". */
function axes({ x, y, width, height, xlim, ylim, xticks, yticks, xlabel, ylabel, log = "", ticktext = short }) {
  const scale = (limits, from, to, isLog) => (v) => {
    const f = isLog ? Math.log2 : (u) => u;
    return from + ((f(v) - f(limits[0])) / (f(limits[1]) - f(limits[0]))) * (to - from);
  };
  const X = scale(xlim, x, x + width, log.includes("x")), Y = scale(ylim, y + height, y, log.includes("y"));
  const node = S("g", { class: "fci-axes" },
    S("rect", { x, y, width, height, class: "fci-frame" }),
    (xticks ?? []).map((v) => [S("line", { x1: X(v), x2: X(v), y1: y, y2: y + height, class: "fci-gridline" }),
      label(X(v), y + height + 18, ticktext(v), { anchor: "middle", cls: "fci-quiet" })]),
    (yticks ?? []).map((v) => [S("line", { x1: x, x2: x + width, y1: Y(v), y2: Y(v), class: "fci-gridline" }),
      label(x - 6, Y(v) + 5, ticktext(v), { anchor: "end", cls: "fci-quiet" })]),
    xlabel ? label(x + width / 2, y + height + 38, xlabel, { anchor: "middle" }) : null,
    ylabel ? label(x, y - 9, ylabel) : null);
  const line = (points, { colour = OKABE.blue, dash, width: w = 2.5, cls = "" } = {}) => S("path", { class: `fci-line ${cls}`,
    d: points.map(([a, b], i) => (a === null ? "" : `${i && points[i - 1][0] !== null ? "L" : "M"}${X(a).toFixed(2)} ${Y(b).toFixed(2)}`)).join(""),
    style: `stroke:${colour};stroke-width:${w}`, "stroke-dasharray": dash });
  return { node, X, Y, line };
}
/** A round marker with a halo; shape: dot, ring, square, diamond. */
function marker(x, y, { colour = OKABE.vermilion, radius = 6, shape = "dot", ...more } = {}) {
  const common = { class: `fci-marker fci-${shape}`, style: shape === "ring" ? `stroke:${colour}` : `fill:${colour}`, ...more };
  if (shape === "square") return S("rect", { x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius, ...common });
  if (shape === "diamond") return S("path", { d: `M${x} ${y - radius * 1.3}L${x + radius * 1.3} ${y}L${x} ${y + radius * 1.3}L${x - radius * 1.3} ${y}Z`, ...common });
  return S("circle", { cx: x, cy: y, r: radius, ...common });
}

/** Where a pointer event is, in the picture's own coordinates. */
const place = (event, svg) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
