const maths = {
  /** To the nearest integer, halves to the even neighbour, as torch.round: up there, doubles are whole numbers. */
  round: (x) => (Math.abs(x) < 2 ** 51 ? x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52 : x),
  /** The codes of so many bits, signed. */
  limits: (bits) => [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1],
  /** The code of a weight on a grid with this step, and its level: float32 numbers as torch computes them. */
  free: (weight, scale) => maths.round(Math.fround(weight / scale)),
  code: (weight, scale, bits) => clamp(maths.free(weight, scale), ...maths.limits(bits)),
  level: (code, scale) => Math.fround(code * scale),
  clipped: (weight, scale, bits) => maths.free(weight, scale) !== maths.code(weight, scale, bits),
  codes: (record, entry) => record.weights[entry].map((w) => maths.code(w, record.scale[entry], record.bits)),
  /** How many weights have other codes at these two entries. */
  moved: (record, a, b) => { const [before, after] = [a, b].map((entry) => maths.codes(record, entry)); return after.filter((q, i) => q !== before[i]).length; },
  /** How often a weight changed its code up to an entry. */
  changes: (record, weight, entry) => {
    const path = record.weights.slice(0, entry + 1).map((row, i) => maths.code(row[weight], record.scale[i], record.bits));
    return path.filter((q, i) => i && q !== path[i - 1]).length;
  },
};

const view = defineView("qat", (ui) => {
  const { records } = ui.get("data"), names = Object.keys(records);
  const COLOURS = [OKABE.blue, OKABE.vermilion, OKABE.green, OKABE.purple, OKABE.orange, OKABE.sky], DASHES = [null, "7 4", "2 3"];
  const look = (i) => ({ colour: COLOURS[i % COLOURS.length], dash: DASHES[Math.floor(i / COLOURS.length) % DASHES.length] });
  const fixed = (v, d = 3) => (v !== 0 && Math.abs(v) < 1e-4 ? v.toExponential(1) : String(Number(v.toPrecision(d))));
  const name = () => (records[ui.get("record")] ? ui.get("record") : names[0]);
  const record = () => records[name()];
  const last = () => record().steps.length - 1;
  const entry = () => clamp(ui.get("step"), 0, last());
  const percent = Math.max(...names.flatMap((n) => records[n].accuracy)) > 1 ? " %" : "";
  if (names.length > 1) ui.choice("record", { label: "recorded training", options: names.map((n) => [n, n]) });
  ui.slider("step", { label: "training step", max: last, text: (v) => `${record().steps[v]} of ${record().steps[last()]}` });
  const advance = (by) => { ui.set({ step: clamp(entry() + by, 0, last()) }); return entry() < last(); };
  ui.button("Back", () => advance(-1), { disabled: () => entry() === 0 });
  ui.button("Step", () => advance(1), { disabled: () => entry() === last() });
  ui.player(() => advance(1), { every: 120 });
  ui.button("Restart", () => ui.set({ step: 0 }), { disabled: () => entry() === 0 });
  ui.predict({
    question: () => `How many of these ${record().weights[0].length} weights will end on another code than they began on?`,
    setting: () => name(), answer: () => maths.moved(record(), 0, last()), explain: () => "At the last step, diamonds mark them.",
    disabled: () => last() === 0,
  });
  const stage = ui.stage("Weights beside the levels of their grid, their paths over the training so far, and the loss and the accuracy");

  ui.draw(() => {
    const W = ui.room(640, 980), wide = W >= 900, now = record(), at = entry(), bits = now.bits, [Qn, Qp] = maths.limits(bits), k = now.weights[0].length;
    const scale = now.scale[at], weights = now.weights[at], codes = maths.codes(now, at), first = maths.codes(now, 0), pinned = ui.get("weight") < k ? ui.get("weight") : -1;
    const flat = now.weights.flat(), largest = Math.max(...now.scale);
    const low = Math.min(...flat, -largest), high = Math.max(...flat, largest), lowest = Math.max(low, Qn * largest) - 0.75 * largest, top_ = Math.min(high, Qp * largest) + 0.75 * largest;
    const pad = 0.04 * (high - low), ylim = [Math.min(low - pad, lowest), Math.max(high + pad, top_)];
    const L = 58, top = 30, H = wide ? 300 : 270, NW = wide ? 352 : 280, column = (NW - 16) / k, seat = Math.min(column * 0.36, 11), PX = L + NW + 48, PW = W - PX - 14;
    const last_ = now.steps[last()], xlim = [now.steps[0], last_ > now.steps[0] ? last_ : now.steps[0] + 1], xticks = ticks(...xlim, PW > 400 ? 6 : 4).filter(Number.isInteger);
    const left = axes({ x: L, y: top, width: NW, height: H, xlim: [0, 1], ylim, xticks: [], yticks: [], ylabel: "The weights now, and their levels" });
    const right = axes({ x: PX, y: top, width: PW, height: H, xlim, ylim, xticks, yticks: [], ylabel: "Their paths so far", ticktext: String });
    const Y = left.Y, X = right.X, place_ = (i) => L + 8 + column * (i + 0.5);

    // levels: in the left panel those of now, in the right panel over the time recorded; dotted between them, where rounding turns
    const room = (scale / (ylim[1] - ylim[0])) * H, all = range(Qp - Qn + 1, Qn), sparse = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096].find((n) => n * room >= 9) ?? 8192;
    const text = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096].find((n) => n * room >= 19) ?? 8192;
    const seen = all.filter((q) => q % sparse === 0 && q * scale > ylim[0] && q * scale < ylim[1]);
    const moving = now.scale.some((s) => s !== now.scale[0]);
    const over = (f, cls, dash) => right.line(moving ? now.steps.map((s, i) => { const v = f(now.scale[i]); return v < ylim[0] || v > ylim[1] ? [null, null] : [s, v]; }) : [[xlim[0], f(scale)], [xlim[1], f(scale)]], { colour: null, cls, dash, width: 1 });
    const ladder = seen.map((q) => [S("line", { x1: L, x2: L + NW, y1: Y(q * scale), y2: Y(q * scale), class: "fci-rail", "data-level": q }), over((s) => q * s, "fci-rail"),
      q % text === 0 ? label(L - 8, Y(q * scale) + 5, q, { anchor: "end", cls: "fci-quiet" }) : null]);
    const turns = sparse === 1 && room >= 14 ? all.slice(1).map((q) => q - 0.5).filter((h) => h * scale > ylim[0] && h * scale < ylim[1]).map((h) => [S("line", { x1: L, x2: L + NW, y1: Y(h * scale), y2: Y(h * scale), class: "fci-turn" }), over((s) => h * s, "fci-turn")]) : [];
    const beyond = [[ylim[1], Qp + 0.5], [ylim[0], Qn - 0.5]].filter(([edge, h], i) => (i ? h * scale > edge : h * scale < edge)).map(([edge, h], i) => [S("rect", { x: L, width: NW, y: Math.min(Y(edge), Y(h * scale)), height: Math.abs(Y(edge) - Y(h * scale)), class: "fci-beyond" })]);

    // weights: a stalk to the level, a dot or a diamond; and the paths
    const dot = (i, x, radius) => marker(x, Y(weights[i]), { shape: codes[i] === first[i] ? "dot" : "diamond", radius, colour: look(i).colour, "data-weight": i, "data-code": codes[i] });
    const spots = weights.map((w, i) => S("g", { "data-item": i }, S("rect", { x: place_(i) - column / 2, y: top, width: column, height: H + 24, class: "fci-hit" }),
      S("line", { x1: place_(i), x2: place_(i), y1: Y(w), y2: Y(maths.level(codes[i], scale)), class: "fci-stalk" }),
      S("line", { x1: place_(i) - seat, x2: place_(i) + seat, y1: Y(maths.level(codes[i], scale)), y2: Y(maths.level(codes[i], scale)), class: "fci-seat" }),
      dot(i, place_(i), 6), label(place_(i), top + H + 18, i, { anchor: "middle", cls: i === pinned ? "fci-strong fci-index" : "fci-quiet" })));
    const pathOf = (i, until = at) => now.weights.slice(0, until + 1).map((row, n) => [now.steps[n], row[i]]);
    const paths = weights.map((w, i) => S("g", { "data-item": i, "data-path": i }, right.line(pathOf(i), { ...look(i), width: 2 }), dot(i, X(now.steps[at]), 5)));
    /** The path nearest to the pointer, where one is near. */
    const nearest = (event) => {
      const p = place(event, stage.node), distance = (n) => Math.abs(X(now.steps[n]) - p.x), t = range(at + 1).reduce((best, n) => (distance(n) < distance(best) ? n : best), 0);
      const away = now.weights[t].map((w) => Math.abs(Y(w) - p.y)), i = away.indexOf(Math.min(...away));
      return distance(t) < 16 + PW / 2 / now.steps.length && away[i] < 20 ? i : null;
    };
    const cursor = (y, h) => S("line", { x1: X(now.steps[at]), x2: X(now.steps[at]), y1: y, y2: y + h, class: "fci-guide" });

    // loss and accuracy of all records, on the axis of the paths
    const LH = 84, LY = top + H + 72, AY = LY + LH + 52;
    const curves = (key, y, title, xlabel) => {
      const every = names.flatMap((n) => records[n][key]), [a, b] = [Math.min(...every), Math.max(...every)], gap = (b - a) * 0.08 || Math.abs(a) * 0.1 || 1;
      const plot = axes({ x: PX, y, width: PW, height: LH, xlim, ylim: [a - gap, b + gap], xticks, yticks: b > a ? ticks(a, b, 4) : [a], xlabel, ylabel: title, ticktext: (v) => fixed(v) });
      const until = now.steps[at];
      const lines = names.map((n, i) => ({ n, i })).sort((p, q) => (p.n === name()) - (q.n === name())).map(({ n, i }) => {
        const one = records[n], points = one.steps.map((s, t) => [s, one[key][t]]).filter(([s]) => s <= until);
        return points.length ? plot.line(points, { ...line(i), width: n === name() ? 3 : 1.75, cls: `fci-${key}` }) : null;
      });
      return [plot.node, cursor(y, LH), lines, marker(X(until), plot.Y(now[key][at]), { radius: 5, colour: "var(--fci-ink)", "data-role": key })];
    };
    const line = (i) => (names.length === 1 ? { colour: "var(--fci-accent)" } : { colour: COLOURS[i % COLOURS.length], dash: [null, "7 4", "2 3", "10 3 2 3", "1 5", "14 4"][i] });
    const plots = [curves("loss", LY, "Loss"), curves("accuracy", AY, `Accuracy${percent && " in %"}`, "training step")];

    // live numbers, and which curve is whose
    const outside = weights.filter((w) => maths.clipped(w, scale, bits)).length, off = maths.moved(now, 0, at);
    const distance = Math.sqrt(weights.reduce((sum, w, i) => sum + (w - maths.level(codes[i], scale)) ** 2, 0) / k) / scale;
    const rows = [["training step", `${now.steps[at]} of ${last_}`, "step"], ["loss", fixed(now.loss[at]), "loss-now"], ["accuracy", `${fixed(now.accuracy[at])}${percent}`, "accuracy-now"], ["step of the grid", fixed(scale), "scale"],
      ["◆ on another code than at first", `${off} of ${k}`, "moved"], ["codes changed just now", at ? `${maths.moved(now, at - 1, at)} of ${k}` : "–", "just-now"], ["clipped (beyond the grid)", `${outside} of ${k}`, "outside"], ["distance to the level, rms", `${distance.toFixed(2)} steps`, "distance"]];
    const TX = 14, TR = L + NW, table = rows.flatMap(([words, value, role], i) => [label(TX, LY + 4 + 24 * i, words), label(TR, LY + 4 + 24 * i, value, { anchor: "end", cls: "fci-strong", "data-role": role })]);
    const KY = LY + 4 + 24 * rows.length + 8, legend = names.length > 1 ? names.map((n, i) => [S("path", { class: "fci-line", d: `M${TX} ${KY + 24 * i - 5}h34`, style: `stroke:${line(i).colour};stroke-width:${n === name() ? 3 : 1.75}`, "stroke-dasharray": line(i).dash }),
      label(TX + 44, KY + 24 * i, n, { cls: n === name() ? "fci-strong" : "" })]) : [];

    // linking a weight and its path
    const links = S("g"), walks = S("g");
    const bold = (i) => [["var(--fci-ground)", 8], ["var(--fci-ink)", 5.5], [look(i).colour, 2.5]].map(([colour, width]) => right.line(pathOf(i), { colour, width }));
    const show = (i) => {
      walks.classList.toggle("fci-one", i >= 0);
      walks.querySelectorAll("[data-item]").forEach((node) => node.classList.toggle("fci-lit", Number(node.dataset.item) === i));
      if (i < 0) { links.replaceChildren(); return ui.say(sentence); }
      const w = weights[i], level = maths.level(codes[i], scale), n = maths.changes(now, i, at);
      links.replaceChildren(S("g", { "data-role": "path", "data-weight": i }, bold(i)),
        outline(place_(i) - Math.min(column / 2, 14) + 1, top + 2, 2 * Math.min(column / 2, 14) - 2, H - 4, "dashed"), ...[Y(level)].map((y) => S("line", { x1: L, x2: PX + PW, y1: y, y2: y, class: "fci-guide fci-here" })),
        dot(i, place_(i), 7.5), dot(i, X(now.steps[at]), 7.5), label(clamp(X(now.steps[at]) + 12, PX, PX + PW - 30), Y(w) - 10, i, { cls: "fci-strong fci-tag" }));
      ui.say(`Weight ${i}: ${fixed(w)} / ${fixed(scale)} = ${fixed(w / scale)}, ${maths.clipped(w, scale, bits) ? "clipped to" : "rounded to"} code ${codes[i]}, level ${fixed(level)}. It began on code ${first[i]} and has changed its code ${n} time${n === 1 ? "" : "s"}.${i === pinned ? " Pinned." : " Press to pin it."}`);
    };
    const pick = (i) => show(i === null ? pinned : i), press = (i) => ui.set({ weight: i === ui.get("weight") ? -1 : i });
    const sentence = `${name() ? `${name()}: s` : "S"}tep ${now.steps[at]} of ${last_}, loss ${fixed(now.loss[at])}, accuracy ${fixed(now.accuracy[at])}${percent}; ${off} of ${k} weights on another code than at first, ${outside} clipped.`;
    walks.append(walk(ui, { key: "now", label: `${k} weights`, count: k, start: Math.max(0, pinned), onPick: pick, onPress: press }, spots), walk(ui, { key: "paths", label: `Paths of ${k} weights`, count: k, start: Math.max(0, pinned), find: nearest, onPick: pick, onPress: press }, S("rect", { x: PX, y: top, width: PW, height: H, class: "fci-hit", "data-role": "pane" }), paths));
    show(pinned);
    stage.show(W, Math.max(AY + LH + 48, KY + 24 * legend.length), left.node, right.node, beyond, turns, ladder, label(L - 8, top + H + 18, "weight", { anchor: "end", cls: "fci-quiet" }), label(L - 8, top - 9, "code", { anchor: "end", cls: "fci-quiet" }), cursor(top, H), walks, links, plots, table, legend);
  });
});
export { maths };
export default view;
