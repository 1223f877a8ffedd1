const maths = {
  /** To the nearest integer, halves to the even neighbour, as torch.round: up there, doubles are whole numbers. */
  round: (x) => (Math.abs(x) < 2 ** 51 ? x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52 : x),
  /** The grid for values in [low, high], of which the share `clip` is kept: float32 numbers as torch computes them.
      signed, always_pos: the notes' grid, 2^bits steps over [-α, α], moved up by α for always_pos. unsigned: with a zero point. */
  grid: (kind, bits, low, high, clip = 1) => {
    if (kind === "unsigned") {
      const most = 2 ** bits - 1, from = Math.min(low * clip, 0), to = Math.max(high * clip, 0), scale = (to - from) / most || 1;
      return { step: Math.fround(scale) || 1, off: 0, zero: maths.round(-from / scale), low: 0, high: most };
    }
    const alpha = Math.fround(Math.max(Math.abs(low), Math.abs(high)) * clip), half = 2 ** (bits - 1);
    return { step: Math.fround(2 * alpha) / 2 ** bits || 1, off: kind === "always_pos" ? alpha : 0, zero: 0, low: -half, high: half - 1, alpha };
  },
  /** How many steps x is from the level of code `zero`. */
  steps: (x, g) => Math.fround(Math.fround(x - g.off) / g.step),
  /** The code before clamping, and after. */
  free: (x, g) => maths.round(maths.steps(x, g)) + g.zero,
  code: (x, g) => clamp(maths.free(x, g), g.low, g.high),
  level: (q, g) => Math.fround(Math.fround((q - g.zero) * g.step) + g.off),
  clipped: (x, g) => maths.free(x, g) !== maths.code(x, g),
  /** Sums of squared errors: of values inside the grid (rounding) and of clamped ones (clipping). */
  errors: (values, g) => {
    const sum = { round: 0, clip: 0 };
    for (const x of values) {
      const free = maths.free(x, g), q = free < g.low ? g.low : free > g.high ? g.high : free, error = x - maths.level(q, g);
      if (q === free) sum.round += error * error; else sum.clip += error * error;
    }
    return sum;
  },
  used: (values, g) => new Set(values.map((x) => maths.code(x, g))).size,
  sqnr: (signal, noise) => 10 * Math.log10(signal / noise),
  extent: (values) => values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]),
  /** The histogram bin of x: each step is cut into `parts` bins (odd), numbered from the level of code `zero`. */
  bin: (x, g, parts) => {
    const u = maths.steps(x, g), r = maths.round(u);
    return r * parts + clamp(Math.floor((u - r + 0.5) * parts), 0, parts - 1) - (parts - 1) / 2;
  },
};

const view = defineView("quantizer", (ui) => {
  const { x: sent, sigma, shape } = ui.get("data"), channels = sent.length, length = sent[0].length, total = channels * length;
  const names = { signed: "signed", always_pos: "signed + α (always_pos)", unsigned: "unsigned, zero point" };
  const hatch = unique("fci-hatch");
  const tenTo = (power) => `10${[...String(power)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}`;
  const fixed = (v, d = 3) => {
    const power = v === 0 ? 0 : Math.floor(Math.log10(Math.abs(v)));
    return power > -4 && power < 6 ? String(Number(v.toPrecision(d))) : `${Number((v / 10 ** power).toPrecision(d))}·${tenTo(power)}`;
  };
  const per = () => ui.get("per_channel") && channels > 1;
  const chosen = () => clamp(ui.get("channel"), 0, channels - 1);
  const spoil = (k) => { const first = [...sent[0]]; if (k > 0) first[0] = Math.fround(k * sigma); return [first, ...sent.slice(1)]; };
  const groups = (data) => (per() ? data : [data.flat()]);
  const gridsOf = (parts, clip = ui.get("clip")) => parts.map((values) => maths.grid(ui.get("codes"), ui.get("bits"), ...maths.extent(values), clip));
  const usedAt = (k) => { const parts = groups(spoil(k)); return maths.used(parts[0], gridsOf(parts)[0]); };
  // the error at every range: asked again only when something else than the range has moved
  const every = total > 4000 ? 5 : total > 1000 ? 2 : 1, shares = range(Math.floor(95 / every) + 1).map((i) => (100 - every * i) / 100).reverse();
  let curve = { key: "" };
  const errorsBy = (parts) => {
    const key = ["bits", "codes", "per_channel", "outlier"].map(ui.get).join();
    if (curve.key !== key) curve = { key, points: shares.map((share) => { const grids = gridsOf(parts, share);
      return parts.reduce((sum, values, i) => { const e = maths.errors(values, grids[i]); return { round: sum.round + e.round / total, clip: sum.clip + e.clip / total }; }, { round: 0, clip: 0 }); }) };
    return curve.points;
  };

  ui.slider("bits", { label: "bits", min: 2, max: 8, text: (v) => `${v}: ${2 ** v} codes` });
  ui.slider("clip", { label: "α as a share of max |x|", min: 0.05, max: 1, step: 0.01, text: (v) => v.toFixed(2) });
  ui.choice("codes", { label: "codes", options: Object.entries(names) });
  if (channels > 1) {
    ui.toggle("per_channel", { label: "a grid per channel" });
    ui.slider("channel", { label: "channel drawn", max: channels - 1, disabled: () => !per(), text: (v) => (per() ? v : "all") });
  }
  ui.slider("outlier", { label: "first value an outlier", max: 20, text: (v) => (v ? `${v} σ` : "no") });
  ui.button("Least error", () => { const sums = errorsBy(groups(spoil(ui.get("outlier")))).map((e) => e.round + e.clip); ui.set({ clip: shares[sums.indexOf(Math.min(...sums))] }); },
    { help: "moves α to where rounding and clipping together cost least" });
  ui.predict({
    question: () => `If the first value became 20 σ, how many of the ${2 ** ui.get("bits")} codes would ${per() ? "its channel" : "the values"} use?`,
    setting: () => ["bits", "codes", "clip", "per_channel"].map(ui.get).join(),
    answer: () => usedAt(20), explain: () => "α follows the largest value, and the step follows α. Move the outlier to see it.",
  });
  const note = ui.html(H("p", { class: "fci-note" }));
  const stage = ui.stage("Histogram of the values on the quantizer's grid, its staircase, rounding and clipping error over the range, and some cells before and after");

  ui.draw(() => {
    const W = ui.room(640, 980), wide = W >= 780, data = spoil(ui.get("outlier")), parts = groups(data), grids = gridsOf(parts), which = per() ? chosen() : 0;
    const values = parts[which], g = grids[which], [least, most] = maths.extent(values), codes = range(g.high - g.low + 1, g.low);
    const gridOf = (channel) => grids[per() ? channel : 0];
    const signal = data.flat().reduce((sum, v) => sum + v * v, 0) / total;
    const now = parts.reduce((sum, part, i) => { const e = maths.errors(part, grids[i]); return { round: sum.round + e.round / total, clip: sum.clip + e.clip / total }; }, { round: 0, clip: 0 });
    const noise = now.round + now.clip;

    // one axis of numbers for histogram, codes and staircase; it stays where it is while α moves
    const whole = maths.grid(ui.get("codes"), ui.get("bits"), least, most, 1), ends = [maths.level(whole.low, whole) - whole.step / 2, maths.level(whole.high, whole) + whole.step / 2];
    const pad = 0.03 * (Math.max(most, ends[1]) - Math.min(least, ends[0])), xlim = [Math.min(least, ends[0]) - pad, Math.max(most, ends[1]) + pad];
    const L = 56, EW = wide ? clamp(Math.round(W * 0.35), 260, 334) : 280, PW = wide ? W - L - 90 - EW : W - L - 14, top = 28, HH = 120, strip = top + HH + 6, stairTop = strip + 70, SH = 150, xticks = ticks(...xlim, 6);
    const wideStep = (g.step / (xlim[1] - xlim[0])) * PW, split = Math.max(1, 2 * Math.floor((wideStep / 9 - 1) / 2 + 0.5) + 1);
    const bins = new Map();
    for (const v of values) { const b = maths.bin(v, g, split); bins.set(b, (bins.get(b) ?? 0) + 1); }
    const order = [...bins.keys()].sort((a, b) => a - b), tallest = Math.max(...bins.values());
    const binCode = (b) => clamp(Math.floor((b + (split - 1) / 2) / split) + g.zero, g.low, g.high);
    const binClipped = (b) => Math.floor((b + (split - 1) / 2) / split) + g.zero !== binCode(b);
    const binFrom = (b) => ((b - 0.5) / split) * g.step + g.off, binTo = (b) => ((b + 0.5) / split) * g.step + g.off;
    const hist = axes({ x: L, y: top, width: PW, height: HH, xlim, ylim: [0, tallest * 1.08], xticks: [], yticks: ticks(0, tallest, 3).filter(Number.isInteger), ylabel: per() ? `How many values of channel ${which}` : "How many values", ticktext: String });
    const stairs = axes({ x: L, y: stairTop, width: PW, height: SH, xlim, ylim: xlim, xticks, yticks: ticks(...xlim, 5), xlabel: "x", ylabel: "The level x̂ that each x becomes", ticktext: (v) => fixed(v) });
    const within = (v) => clamp(v, ...xlim), X = (v) => hist.X(within(v));
    const preimage = (q) => [q === g.low ? xlim[0] : maths.level(q, g) - g.step / 2, q === g.high ? xlim[1] : maths.level(q, g) + g.step / 2].map(within);

    const levelLines = wideStep >= 5 ? codes.map((q) => S("line", { x1: X(maths.level(q, g)), x2: X(maths.level(q, g)), y1: top, y2: top + HH, class: "fci-gridline fci-level" })) : [];
    const bars = order.map((b, i) => {
      const from = X(binFrom(b)), to = X(binTo(b)), height = Math.max(3, (bins.get(b) / (tallest * 1.08)) * HH), cut = binClipped(b);
      const gap = to - from > 4 ? 1 : 0, width = Math.max(2, to - from - gap), box = { x: from + gap / 2, y: top + HH - height, width, height };
      return S("g", { "data-item": i, "data-bin": b, "data-count": bins.get(b), "data-code": binCode(b), "data-clipped": cut || null },
        S("rect", { x: from, y: top, width: Math.max(2, to - from), height: HH, class: "fci-hit" }), S("rect", { ...box, class: cut ? "fci-clip-fill" : "fci-round-fill" }), cut ? S("rect", { ...box, fill: `url(#${hatch})` }) : null);
    });
    const room = ui.get("bits") > 6 ? 36 : 27, sparse = [1, 2, 4, 8, 16, 32, 64].find((n) => n * wideStep >= room) ?? 128, tickWidth = clamp(wideStep * 0.7, 1.2, 14);
    const used = new Set(values.map((v) => maths.code(v, g)));
    const ladder = codes.map((q, i) => { const at = X(maths.level(q, g)), full = used.has(q); return S("g", { "data-item": i, "data-code": q, "data-used": full || null },
      S("rect", { x: at - wideStep / 2, y: strip, width: wideStep, height: 42, class: "fci-hit" }),
      S("rect", { x: at - tickWidth / 2, y: strip + 2, width: tickWidth, height: 16, class: full ? "fci-rung" : "fci-rung fci-unused" }),
      (q - g.low) % sparse === 0 || (q === g.high && ((q - g.low) % sparse) * wideStep > room) ? label(at, strip + 36, q, { anchor: "middle", cls: "fci-quiet" }) : null); });
    const treads = codes.flatMap((q) => { const [a, b] = preimage(q), y = maths.level(q, g); return a < b ? [[a, y], [b, y], ...(wideStep >= 4 ? [[null, null]] : [])] : []; });
    const hits = codes.map((q, i) => { const [a, b] = preimage(q); return S("rect", { x: stairs.X(a), y: stairTop, width: Math.max(0.5, stairs.X(b) - stairs.X(a)), height: SH, class: "fci-hit", "data-item": i, "data-code": q }); });
    const edges = [g.low, g.high].map((q, i) => maths.level(q, g) + (i ? 1 : -1) * g.step / 2).filter((v) => v > xlim[0] && v < xlim[1]).flatMap((v) => [[top, HH], [stairTop, SH]].map(([y, h]) => S("line", { x1: X(v), x2: X(v), y1: y, y2: y + h, class: "fci-guide" })));

    // both errors over the range, stacked
    const EX = wide ? L + PW + 76 : L, EY = wide ? top : stairTop + SH + 82, points = errorsBy(parts), sums = points.map((e) => e.round + e.clip);
    const lid = Math.max(sums[sums.length - 1] * 1.2, Math.min(...sums) * 3, noise * 1.1) || 1, cap = (v) => Math.min(v, lid), power10 = lid < 0.1 || lid >= 1000 ? Math.floor(Math.log10(lid)) : 0;
    const plot = axes({ x: EX, y: EY, width: EW, height: HH, xlim: [shares[0], 1], ylim: [0, lid], xticks: [0.25, 0.5, 0.75, 1], yticks: ticks(0, lid, 4), xlabel: "α as a share of max |x|", ylabel: `Mean squared error${power10 ? ` / ${tenTo(power10)}` : ""}, stacked`, ticktext: (v) => ([0.25, 0.5, 0.75, 1].includes(v) ? String(v) : fixed(v / 10 ** power10)) });
    const area = (upper, lower, cls, fill) => S("path", { class: cls, fill, d: `M${shares.map((s, i) => `${plot.X(s).toFixed(1)} ${plot.Y(cap(upper[i])).toFixed(1)}`).join("L")}L${shares.map((s, i) => `${plot.X(s).toFixed(1)} ${plot.Y(cap(lower[i])).toFixed(1)}`).reverse().join("L")}Z` });
    const rounds = points.map((e) => e.round), zero = points.map(() => 0), share = clamp(ui.get("clip"), shares[0], 1);
    const stack = [area(rounds, zero, "fci-round-fill"), area(sums, rounds, "fci-clip-fill"), area(sums, rounds, null, `url(#${hatch})`),
      S("line", { x1: plot.X(share), x2: plot.X(share), y1: EY, y2: EY + HH, class: "fci-guide" }), marker(plot.X(share), plot.Y(cap(noise)), { shape: "diamond", radius: 7, colour: "var(--fci-ink)", "data-role": "dot" })];

    // live numbers
    const TX = wide ? EX : EX + EW + 48, TY = wide ? EY + HH + 76 : EY + 4, TR = TX + (wide ? EW : W - TX - 14), key = (y, cut) => [S("rect", { x: TX, y: y - 13, width: 16, height: 16, class: cut ? "fci-clip-fill" : "fci-round-fill" }), cut ? S("rect", { x: TX, y: y - 13, width: 16, height: 16, fill: `url(#${hatch})` }) : null];
    const rows = [[per() ? `step Δ of channel ${which}` : "step Δ", fixed(g.step, 4), "step"], ["codes in use", `${used.size} of ${codes.length}`, "used"], ["values clipped", `${parts.reduce((n, part, i) => n + part.filter((v) => maths.clipped(v, grids[i])).length, 0)} of ${total}`, "clipped"],
      ["round error", fixed(now.round), "round"], ["clip error", fixed(now.clip), "clip"], ["sum", fixed(noise), "sum"], ["signal to noise", noise ? `${maths.sqnr(signal, noise).toFixed(1)} dB` : "∞ dB", "sqnr"]];
    const table = rows.flatMap(([words, text, role], i) => { const y = TY + 24 * i + (i > 4 ? 4 : 0), coloured = role === "round" || role === "clip"; return [coloured ? key(y, role === "clip") : null, label(TX + (coloured ? 24 : 0), y, words, { cls: i > 4 ? "fci-strong" : "" }), label(TR, y, text, { anchor: "end", cls: "fci-strong", "data-role": role })]; });
    table.push(S("line", { x1: TX, x2: TR, y1: TY + 106, y2: TY + 106, class: "fci-gridline" }));

    // some cells: before, codes, after, and the student's
    const yours = ui.get("yours"), four = Boolean(yours.values), size = 42, gapX = wide ? 36 : 22, perRow = four ? (wide ? 4 : 2) : 3;
    const cols = Math.min(Math.floor((W - 14 - (perRow - 1) * gapX) / perRow / size), length), lines = channels > 1 ? Math.min(4, channels) : Math.min(4, Math.ceil(length / cols));
    const cellAt = (r, c) => (channels > 1 ? [r, c] : r * cols + c < length ? [0, r * cols + c] : null);
    const of = (fn) => (r, c) => { const at = cellAt(r, c); return at ? fn(data[at[0]][at[1]], gridOf(at[0]), at) : null; };
    const largest = Math.max(...sent.flat().map(Math.abs), 0), power = largest > 0 ? Math.floor(Math.log10(largest)) : 0, unit = power < -1 || power > 2 ? 10 ** power : 1;
    const asked = `${ui.get("bits")},${ui.get("codes")},${ui.get("outlier")}`, current = yours.setting === asked, own = current && yours.values ? yours.values.flat(Infinity) : null;
    const differs = (value, grid_, [a, b]) => own && Math.abs(own[a * length + b] - maths.level(maths.code(value, grid_), grid_)) > grid_.step * 1e-3;
    const wrong = own ? data.reduce((n, part, a) => n + part.filter((v, b) => differs(v, gridOf(a), [a, b])).length, 0) : 0;
    note.hidden = yours.setting === undefined;
    if (!note.hidden) note.textContent = !current ? "Your quantizer answers when Python does." : yours.note || (wrong === 0 ? `Your quantizer gives the same ${total} values as the view.`
      : `${wrong} of ${total} values of your quantizer differ from the view's at these settings: ✕ marks them.${yours.bits && yours.bits !== ui.get("bits") ? ` Yours was made with ${yours.bits} bits.` : ""}${ui.get("clip") < 1 || per() ? " The view's α is not max |x| of all values now." : ""}`);
    const GY = wide ? stairTop + SH + 84 : EY + HH + 88, shown = range(lines).flatMap((r) => range(cols).map((c) => [r, c])).filter(([r, c]) => cellAt(r, c)), seen = maths.extent(shown.map(([r, c]) => of((v) => v / unit)(r, c)));
    const spot = (i) => ({ x: 14 + (i % perRow) * (cols * size + gapX), y: GY + Math.floor(i / perRow) * (lines * size + 40), size, rows: lines, cols });
    const bound = { lo: seen[0], hi: Math.max(seen[1], seen[0] + 1e-9) }, span = maths.extent(shown.map(([r, c]) => of((v, g_) => maths.code(v, g_))(r, c)));
    const links = S("g");
    const cellNumber = (v) => { const text = short(Math.abs(v) < 0.005 ? 0 : v); return text.length > 4 ? "…" : text; };
    const cells = {
      x: grid(ui, { ...spot(0), ...bound, key: "x", label: "x before", caption: "x", value: of((v) => v / unit), text: cellNumber, onPick: (at) => fromCell(at) }),
      codes: grid(ui, { ...spot(1), lo: span[0], hi: Math.max(span[1], span[0] + 1), key: "codes", label: "codes", caption: "codes", value: of((v, g_) => maths.code(v, g_)), onPick: (at) => fromCell(at) }),
      levels: grid(ui, { ...spot(2), ...bound, key: "levels", label: "levels after", caption: "levels x̂", value: of((v, g_) => maths.level(maths.code(v, g_), g_) / unit), text: cellNumber, onPick: (at) => fromCell(at) }),
    };
    if (four) cells.yours = grid(ui, { ...spot(3), ...bound, key: "yours", label: "your quantizer's levels", caption: "yours", value: of((v, g_, [a, b]) => (own ? own[a * length + b] / unit : null)), text: cellNumber, onPick: (at) => fromCell(at) });
    const marks = shown.map(([r, c]) => [of((v, g_) => maths.clipped(v, g_))(r, c) ? S("path", { class: "fci-corner", d: `M${cells.codes.at(r, c)[0] + size - 1} ${cells.codes.at(r, c)[1] + 1}h-13l13 13z`, "data-corner": `${r},${c}` }) : null, four && of(differs)(r, c) ? cross(cells.yours.at(r, c)[0] + size - 16, cells.yours.at(r, c)[1], 16) : null]);
    const arrows = range(2).map((i) => { const a = spot(i), b = spot(i + 1), y = a.y + (lines * size) / 2; return a.y === b.y ? S("path", { class: "fci-arrow", d: `M${a.x + cols * size + 5} ${y}H${b.x - 5}m-6 -5l6 5l-6 5` }) : null; });
    const pointer = per() && channels > 1 && which < lines ? S("path", { d: `M2 ${GY + which * size + size / 2 - 6}l8 6l-8 6z`, style: "fill:var(--fci-ink)", "data-role": "row" }) : null;
    const bottom = spot(four ? 3 : 2).y + lines * size + 26, some = lines * cols < total;
    const legend = label(14, bottom, `${some ? `${shown.length} of the ${total} values; tensor ${shape.join("×")}` : `tensor ${shape.join("×")}`}${unit === 1 ? "" : `, in units of ${fixed(unit).replace(/^1·/, "")}`}. A corner marks a clipped value.`, { cls: "fci-quiet" });

    // linking
    const lit = (test, kind) => shown.flatMap(([r, c]) => (of((v, g_, at) => (!per() || at[0] === which) && test(v))(r, c) ? Object.values(cells).map((one) => one.mark(r, c, 1, 1, kind)) : []));
    const band = (from, to, kind) => outline(X(from), top, Math.max(3, X(to) - X(from)), HH, kind, { rx: 1 });
    const lightLevel = (q) => {
      const [a, b] = preimage(q), at = X(maths.level(q, g)), y = stairs.Y(maths.level(q, g)), width = Math.max(8, tickWidth + 8);
      return [band(a, b, "dashed"), outline(at - width / 2, strip - 1, width, 22), S("g", { class: "fci-outline", "data-role": "tread" }, ["fci-halo", "fci-edge"].map((cls) => S("path", { class: cls, d: `M${stairs.X(a)} ${y}H${stairs.X(b)}` })))];
    };
    const count = (test) => values.filter(test).length;
    const name = (q) => `Code ${q}, level ${fixed(maths.level(q, g), 4)}`;
    const clear = () => { links.replaceChildren(); ui.say(sentence); };
    const fromLevel = (i) => {
      if (i === null) return clear();
      const q = codes[i], [a, b] = preimage(q), same = (v) => maths.code(v, g) === q, end = q === g.low ? `all x up to ${fixed(b)}` : q === g.high ? `all x from ${fixed(a)}` : `x from ${fixed(a)} to ${fixed(b)}`;
      links.replaceChildren(...[...lightLevel(q), ...lit(same, "solid")].flat());
      ui.say(`${name(q)}: ${end}. ${count(same)} of ${values.length} values, ${count((v) => same(v) && maths.clipped(v, g))} of them clipped.`);
    };
    const fromBin = (i) => {
      if (i === null) return clear();
      const b = order[i], q = binCode(b), inside = (v) => maths.bin(v, g, split) === b;
      links.replaceChildren(...[...lightLevel(q), band(binFrom(b), binTo(b)), ...lit((v) => !inside(v) && maths.code(v, g) === q, "dotted"), ...lit(inside, "solid")].flat());
      ui.say(`${bins.get(b)} value${bins.get(b) > 1 ? "s" : ""} from ${fixed(binFrom(b))} to ${fixed(binTo(b))}, ${binClipped(b) ? "clipped to" : "rounded to"} code ${q}, level ${fixed(maths.level(q, g), 4)}.`);
    };
    const fromCell = (where) => {
      const at = where && cellAt(...where);
      if (!at) return clear();
      const v = data[at[0]][at[1]], g_ = gridOf(at[0]), q = maths.code(v, g_), level = maths.level(q, g_), cut = maths.clipped(v, g_), home = !per() || at[0] === which, bin = maths.bin(v, g, split);
      const mine = Object.values(cells).map((one) => one.mark(...where));
      links.replaceChildren(...(home ? [...lightLevel(q), band(binFrom(bin), binTo(bin)), ...lit((u) => u !== v && maths.code(u, g) === q, "dotted"), marker(stairs.X(v), stairs.Y(level), { "data-role": "point" })] : []).flat(), ...mine);
      const shifted = g_.off ? `(${fixed(v, 4)} − ${fixed(g_.off, 4)})` : fixed(v, 4), plus = (g_.zero ? `, plus the zero point ${g_.zero}` : ""), back = g_.zero ? `(${q} − ${g_.zero})` : q < 0 ? `(${q})` : q;
      ui.say(`x = ${fixed(v, 4)}: ${shifted} / ${fixed(g_.step, 4)} = ${fixed(maths.steps(v, g_), 4)}, rounded${plus}${cut ? ` ${maths.free(v, g_)}, clamped to ${q}` : `: code ${q}`}; level ${back} · ${fixed(g_.step, 4)}${g_.off ? ` + ${fixed(g_.off, 4)}` : ""} = ${fixed(level, 4)}; ${cut ? "clip" : "round"} error ${fixed(v - level)}.`
        + (own && differs(v, g_, at) ? ` Yours: ${fixed(own[at[0] * length + at[1]], 4)}.` : "") + (home ? "" : ` The grid drawn is that of channel ${which}.`));
    };
    const sentence = `${2 ** ui.get("bits")} codes, ${names[ui.get("codes")]}, α = ${ui.get("clip").toFixed(2)} · max |x|: step ${fixed(g.step, 4)}; round error ${fixed(now.round)} + clip error ${fixed(now.clip)} = ${fixed(noise)}, ${noise ? maths.sqnr(signal, noise).toFixed(1) : "∞"} dB.`;
    const middle = codes.indexOf(maths.code(0, g));
    const binsNode = walk(ui, { key: "bins", label: "Histogram bins that hold values", count: order.length, start: order.findIndex((b) => b >= 0), onPick: fromBin }, bars);
    const ladderNode = walk(ui, { key: "ladder", label: "Codes and their levels", count: codes.length, start: middle, onPick: fromLevel }, ladder);
    const stairsNode = walk(ui, { key: "stairs", label: "Treads of the staircase", count: codes.length, start: middle, onPick: fromLevel }, hits);
    const defs = S("defs", {}, S("pattern", { id: hatch, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, S("rect", { width: 2, height: 7, class: "fci-hatch" })));
    ui.say(sentence);
    stage.show(W, bottom + 14, defs, hist.node, levelLines, binsNode, label(L - 8, strip + 36, "code", { anchor: "end" }), ladderNode, stairs.node,
      stairs.line([[xlim[0], xlim[0]], [xlim[1], xlim[1]]], { colour: "var(--fci-quiet)", width: 1, dash: "4 4" }), edges, stairs.line(treads, { colour: "var(--fci-accent)", width: wideStep < 4 ? 2 : 3.5, cls: "fci-stairs" }), stairsNode,
      plot.node, stack, table, Object.values(cells).map((one) => one.node), marks, arrows, pointer, legend, links);
  });
});
export { maths };
export default view;
