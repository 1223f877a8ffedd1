const maths = {
  /** To the nearest integer, halves to the even neighbour, as torch.round. */
  round: (x) => { const low = Math.floor(x), rest = x - low; return rest < 0.5 ? low : rest > 0.5 ? low + 1 : low % 2 === 0 ? low : low + 1; },
  /** What the loss sees: rounded, then clamped. */
  forward: (x, low, high) => clamp(maths.round(x), low, high),
  inside: (x, low, high) => { const r = maths.round(x); return low <= r && r <= high; },
  /** The two factors that an estimator hands back, of rounding and of clamping. */
  factors: (x, low, high, estimator, own = 1) => ({
    round: { true: 0, straight: 1, masked: 1, yours: own }[estimator],
    clamp: estimator === "straight" || maths.inside(x, low, high) ? 1 : 0,
  }),
  loss: (q, target) => (q - target) ** 2,
  /** d loss / d x by the chain rule. */
  gradient: (x, low, high, target, estimator, own = 1) => {
    const { round, clamp: cut } = maths.factors(x, low, high, estimator, own);
    return 2 * (maths.forward(x, low, high) - target) * cut * round;
  },
  next: (x, low, high, target, estimator, rate, own = 1) => x - rate * maths.gradient(x, low, high, target, estimator, own),
};

const view = defineView("ste", (ui) => {
  const samples = ui.get("data").samples;
  const limits = () => [ui.get("low"), ui.get("high")];
  const span = () => [limits()[0] - 2, limits()[1] + 2];
  const x = () => clamp(ui.get("x"), ...span());
  const decimals = (v, d = 2) => minus(Number(v.toFixed(d)));
  const sample = (at) => samples.x.reduce((best, v, i) => (Math.abs(v - at) < Math.abs(samples.x[best] - at) ? i : best), 0);
  const own = (at) => (samples ? samples.gradient[sample(at)] : 1);
  const names = { true: "true", straight: "straight-through", masked: "masked", yours: "your function" };
  ui.slider("x", { label: "x", min: () => span()[0], max: () => span()[1], step: 0.05, text: (v) => v.toFixed(2) });
  ui.slider("low", { label: "range from", min: -8, max: () => limits()[1] - 1, step: 0.5, text: (v) => v.toFixed(1) });
  ui.slider("high", { label: "range to", min: () => limits()[0] + 1, max: 8, step: 0.5, text: (v) => v.toFixed(1) });
  ui.slider("target", { label: "target", min: () => limits()[0], max: () => limits()[1], step: 0.25, text: (v) => v.toFixed(2) });
  ui.slider("rate", { label: "learning rate", min: 0.05, max: 1, step: 0.05, text: (v) => v.toFixed(2) });
  ui.choice("estimator", { label: "gradient of rounding", options: Object.entries(names).slice(0, samples ? 4 : 3) });
  const setting = () => [...limits(), clamp(ui.get("target"), ...limits()), ui.get("estimator")];
  const after = (at) => { const [low, high, target, estimator] = setting(); return maths.next(at, low, high, target, estimator, ui.get("rate"), own(at)); };
  const trail = () => { const path = ui.get("path"); return path.length && path[path.length - 1] === ui.get("x") ? path : [ui.get("x")]; };
  const advance = () => { const now = x(), then = after(now); ui.set({ path: [...trail(), then].slice(-60), x: then }); return then !== now && trail().length < 60; };
  ui.button("Step", advance);
  ui.player(advance, { every: 500 });
  ui.button("Back to the start", () => { const [first] = trail(); ui.set({ path: [first], x: first }); }, { disabled: () => trail().length < 2 });
  ui.predict({ question: () => `Where will x be after one step from ${x().toFixed(2)}?`, setting: () => [x(), ...setting(), ui.get("rate")].join(), answer: () => after(x()), explain: () => "The chain on the right says why." });
  const note = ui.html(H("p", { class: "fci-note" }));
  note.hidden = !ui.get("data").note;
  note.textContent = ui.get("data").note;
  const stage = ui.stage("Rounding as a staircase, its gradient by three estimators, the loss, and the chain of products at x");

  ui.draw(() => {
    const [low, high, target, estimator] = setting(), xlim = span(), at = x(), q = maths.forward(at, low, high), rate = ui.get("rate");
    const { round, clamp: cut } = maths.factors(at, low, high, estimator, own(at)), slope = round * cut, outer = 2 * (q - target);
    const left = 44, width = clamp(ui.room(780, 1000) - 476, 330, 480), every = xlim[1] - xlim[0] > 14 ? 2 : 1;
    const ticks = range(Math.floor(xlim[1]) - Math.ceil(xlim[0]) + 1, Math.ceil(xlim[0])).filter((v) => v % every === 0);
    const values = [...new Set([low, ...ticks.filter((v) => v > low && v < high), high])].filter((v) => v === low || v === high || (v - low >= 0.75 && high - v >= 0.75));
    const stairs = axes({ x: left, y: 34, width, height: 210, xlim, ylim: [low - 0.8, high + 0.8], xticks: ticks, yticks: values, ylabel: "q(x) = clamp(round(x))" });
    const slopes = axes({ x: left, y: 312, width, height: 84, xlim, ylim: [-0.35, 1.35], xticks: ticks, yticks: [0, 1], ylabel: "dq/dx as it is handed back" });
    const worst = Math.max(...[low, high].map((v) => maths.loss(v, target)), 1);
    const losses = axes({ x: left, y: 464, width, height: 120, xlim, ylim: [-worst * 0.08, worst * 1.08], xticks: ticks, yticks: [0, worst], xlabel: "x", ylabel: "loss L = (q(x) \u2212 target)\u00b2" });

    // the treads: between two halves the value does not change
    const halves = [xlim[0], ...range(Math.ceil(xlim[1] - xlim[0]) + 2, Math.floor(xlim[0])).map((v) => v + 0.5).filter((v) => v > xlim[0] && v < xlim[1]), xlim[1]];
    const treads = halves.slice(1).map((b, i) => [halves[i], b, maths.forward((halves[i] + b) / 2, low, high)]);
    const stairPath = treads.flatMap(([a, b, v]) => [[a, v], [b, v], [null, null]]);
    const risers = halves.slice(1, -1).map((h) => ({ h, v: maths.forward(h, low, high) })).filter(({ h }) => maths.forward(h - 0.1, low, high) !== maths.forward(h + 0.1, low, high));
    const lossPath = treads.flatMap(([a, b, v]) => [[a, maths.loss(v, target)], [b, maths.loss(v, target)]]);
    const edge = [Math.max(...halves.filter((h) => !maths.inside(h - 0.1, low, high) && maths.inside(h + 0.1, low, high))), Math.min(...halves.filter((h) => maths.inside(h - 0.1, low, high) && !maths.inside(h + 0.1, low, high)))];
    const curves = {
      straight: { points: [[xlim[0], 1], [xlim[1], 1]], colour: OKABE.sky, dash: null },
      masked: { points: [[xlim[0], 0], [edge[0], 0], [edge[0], 1], [edge[1], 1], [edge[1], 0], [xlim[1], 0]], colour: OKABE.green, dash: "9 5" },
      true: { points: [[xlim[0], 0], [xlim[1], 0]], colour: OKABE.vermilion, dash: "2 4" },
    };
    const drawn = Object.entries(curves).sort(([a], [b]) => (a === estimator) - (b === estimator)).map(([name, { points, colour, dash }]) =>
      slopes.line(points, { colour, dash, width: name === estimator ? 5 : 2 }));
    const side = left + width + 8;
    const keys = [["straight", slopes.Y(1) - 6], ["masked", slopes.Y(0.5)], ["true", slopes.Y(0) + 6]].map(([name, y]) => [
      S("path", { class: "fci-line", d: `M${side} ${y}h26`, style: `stroke:${curves[name].colour};stroke-width:${name === estimator ? 5 : 2}`, "stroke-dasharray": curves[name].dash }),
      label(side + 32, y + 5, names[name], { cls: name === estimator ? "fci-strong" : "" })]);

    // the student's function, where it was sampled
    const dots = samples ? samples.x.flatMap((v, i) => {
      if (v < xlim[0] || v > xlim[1]) return [];
      const y = clamp(samples.value[i], low, high), wrong = samples.value[i] !== maths.round(v), g = samples.gradient[i];
      const one = (plot, height, bad) => (bad ? cross(plot.X(v) - 7, plot.Y(height) - 7, 14) : marker(plot.X(v), plot.Y(height), { shape: "ring", radius: 3, colour: OKABE.purple }));
      return [one(stairs, y, wrong), one(slopes, clamp(g, -0.3, 1.3), g !== 1)];
    }) : [];

    // x: the guide, the tangent, the points
    const reach = 0.9, lossHere = maths.loss(q, target);
    const tangent = stairs.line([[at - reach, q - slope * reach], [at + reach, q + slope * reach]], { colour: OKABE.vermilion, width: 4, cls: "fci-tangent" });
    const guide = (v) => S("line", { x1: stairs.X(v), x2: stairs.X(v), y1: 34, y2: 584, class: "fci-guide" });
    const path = trail(), steps = path.map((v, i) => (v >= xlim[0] && v <= xlim[1] && i < path.length - 1 ? marker(losses.X(v), losses.Y(maths.loss(maths.forward(v, low, high), target)), { shape: "ring", radius: 4, colour: OKABE.purple }) : null));
    const points = { stairs: [stairs.X(at), stairs.Y(q)], slopes: [slopes.X(at), slopes.Y(clamp(slope, -0.3, 1.3))], losses: [losses.X(at), losses.Y(lossHere)] };
    const dotsNow = Object.entries(points).map(([key, [cx, cy]]) => marker(cx, cy, { radius: 7, "data-role": key }));

    // the chain
    const links = S("g"), X = side + 176, box = 244, items = [];
    const ring = (...names_) => links.replaceChildren(...names_.map((key) => outline(points[key][0] - 13, points[key][1] - 13, 26, 26, "dashed", { rx: 13 })));
    const item = (key, y, lines, text, ...linked) => {
      const node = S("g", { class: "fci-item", tabindex: 0, role: "button", "aria-label": text, "data-focus": `chain-${key}`, "data-key": key },
        S("rect", { x: X, y, width: box, height: 14 + 22 * lines.length, rx: 6 }), lines.map((line, i) => label(X + 12, y + 22 + 22 * i, line, { cls: i ? "fci-strong" : "" })));
      const on = () => { ring(...linked); ui.say(text); }, off = () => { links.replaceChildren(); ui.say(sentence); };
      for (const [event, run] of [["pointerenter", on], ["pointerleave", off], ["focus", on], ["blur", () => ui.redrawing || off()], ["click", on]]) node.addEventListener(event, ui.guard(run));
      items.push(node);
    };
    const dx = outer * cut * round, then = at - rate * dx;
    items.push(label(X, 25, "The chain rule at x", { cls: "fci-strong" }));
    item("loss", 34, ["dL/dq = 2 (q \u2212 target)", `= 2 \u00b7 (${decimals(q)} \u2212 ${decimals(target)}) = ${decimals(outer)}`], `The loss hands back 2 times the distance from q = ${decimals(q)} to the target ${decimals(target)}: ${decimals(outer)}.`, "losses");
    item("clamp", 126, ["\u00d7 dq/dr, of clamping", estimator === "straight" ? "= 1 (not masked)" : `= ${cut}: r = ${maths.round(at)} is ${maths.inside(at, low, high) ? "in" : "out of"} range`],
      estimator === "straight" ? "Unmasked: clamping hands the gradient on unchanged, in range or not." : `Clamping hands back ${cut}: round(x) = ${maths.round(at)} is ${maths.inside(at, low, high) ? "inside" : "outside"} ${decimals(low)} to ${decimals(high)}.`, "slopes");
    item("round", 218, ["\u00d7 dr/dx, of rounding", `= ${decimals(round)} (${names[estimator]})`], `Rounding, ${names[estimator]}: it hands back ${decimals(round)}. The tangent on the staircase has slope ${decimals(slope)}.`, "stairs", "slopes");
    item("x", 310, ["= dL/dx", `= ${decimals(outer)} \u00b7 ${cut} \u00b7 ${decimals(round)} = ${decimals(dx)}`], `The gradient at x is ${decimals(dx)}.`, "stairs", "slopes", "losses");
    item("next", 402, ["next x = x \u2212 rate \u00b7 dL/dx", `= ${decimals(at)} \u2212 ${decimals(rate)} \u00b7 ${dx < 0 ? `(${decimals(dx)})` : decimals(dx)} = ${decimals(then)}`], dx ? `A step moves x from ${decimals(at)} to ${decimals(then)}.` : `The gradient is 0: x stays at ${decimals(at)}.`, "losses");
    items.push([96, 188, 280, 372].map((y) => S("path", { class: "fci-arrow", d: `M${X + box / 2} ${y}v22m-6 -7l6 7l6 -7` })));
    items.push(label(X, 520, path.length > 1 ? `After ${path.length - 1} step${path.length > 2 ? "s" : ""}:` : "Before the first step:", { cls: "fci-strong" }), label(X, 543, `x = ${decimals(at)}, q(x) = ${decimals(q)}`),
      label(X, 566, `L = ${decimals(lossHere)}${lossHere === 0 ? ": at the target" : dx === 0 ? ": stalled" : ""}`, { "data-role": "loss" }));

    const sentence = `x = ${decimals(at)}: q(x) = ${decimals(q)}, slope handed back ${decimals(slope)}, dL/dx = ${decimals(dx)}.`;
    const pads = [stairs, slopes, losses].map((plot, i) => S("rect", { x: left, y: [34, 312, 464][i], width, height: [210, 84, 120][i], class: "fci-pane", "data-pane": ["stairs", "slopes", "losses"][i] }));
    for (const pane of pads) {
      const to = (event) => { const [a, b] = xlim, p = place(event, stage.node); return clamp(Math.round((a + ((p.x - left) / width) * (b - a)) * 20) / 20, a, b); };
      pane.addEventListener("pointermove", ui.guard((event) => {
        if (event.buttons & 1) return ui.set({ x: to(event) });
        const v = to(event), g = (name) => { const f = maths.factors(v, low, high, name); return f.round * f.clamp; };
        links.replaceChildren(guide(v));
        ui.say(`x = ${decimals(v)}: q(x) = ${decimals(maths.forward(v, low, high))}; slope true ${g("true")}, straight-through ${g("straight")}, masked ${g("masked")}. Press to move x here.`);
      }));
      pane.addEventListener("pointerdown", ui.guard((event) => { ui.set({ x: to(event) }); }));
      pane.addEventListener("pointerleave", ui.guard(() => { links.replaceChildren(); ui.say(sentence); }));
    }
    ui.say(sentence);
    stage.show(X + box + 4, 634, stairs.node, slopes.node, losses.node,
      stairs.line([[low - 0.8, low - 0.8], [high + 0.8, high + 0.8]], { colour: "var(--fci-quiet)", width: 1, dash: "4 4" }),
      stairs.line(stairPath, { colour: "var(--fci-accent)", width: 3.5, cls: "fci-stairs" }), risers.map(({ h, v }) => marker(stairs.X(h), stairs.Y(v), { radius: 3.5, colour: "var(--fci-accent)" })),
      drawn, keys, losses.line(lossPath, { colour: "var(--fci-accent)" }), dots, steps, guide(at), tangent, dotsNow, pads, items, links);
  });
});
export { maths };
export default view;
