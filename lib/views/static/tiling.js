const maths = {
  /** Where tile `index` of a side of `size` starts and how long it is: the last may be shorter. */
  tile: (size, t, index) => [index * t, Math.min(t, size - index * t)],
  /** All products of tiles in the order of the loops, outermost first: [{i, j, k}, ...]. */
  products: (m, k, n, t, order) => {
    const count = { i: Math.ceil(m / t), j: Math.ceil(n / t), k: Math.ceil(k / t) }, [x, y, z] = order;
    return range(count[x]).flatMap((a) => range(count[y]).flatMap((b) => range(count[z]).map((c) => ({ [x]: a, [y]: b, [z]: c }))));
  },
  /** Words moved at each product. The matrix without the innermost index stays in fast memory while that loop runs;
      tiles of the other two are moved at every product, and an unfinished tile of C is written out and read again. */
  moves: (m, k, n, t, order) => {
    const last = { i: Math.ceil(m / t) - 1, j: Math.ceil(n / t) - 1, k: Math.ceil(k / t) - 1 }, inner = order[2];
    return maths.products(m, k, n, t, order).map((at) => {
      const [tm, tn, tk] = [[m, at.i], [n, at.j], [k, at.k]].map(([size, index]) => maths.tile(size, t, index)[1]);
      const starts = at[inner] === 0, ends = at[inner] === last[inner];
      return {
        A: inner !== "j" || starts ? tm * tk : 0,
        B: inner !== "i" || starts ? tk * tn : 0,
        C: inner === "k" ? (ends ? tm * tn : 0) : tm * tn * (at.k > 0 ? 2 : 1),
      };
    });
  },
  /** Words moved by the first `step` products. */
  words: (moves, step) => moves.slice(0, step).reduce((sum, w) => ({ A: sum.A + w.A, B: sum.B + w.B, C: sum.C + w.C }), { A: 0, B: 0, C: 0 }),
  total: (words) => words.A + words.B + words.C,
  /** C after the first `step` products; null where nothing has been added yet. */
  partial: (A, B, m, k, n, t, order, step) => {
    const C = range(m).map(() => range(n).map(() => null));
    for (const at of maths.products(m, k, n, t, order).slice(0, step)) {
      const [[i0, tm], [j0, tn], [k0, tk]] = [maths.tile(m, t, at.i), maths.tile(n, t, at.j), maths.tile(k, t, at.k)];
      for (const i of range(tm, i0)) for (const j of range(tn, j0)) for (const p of range(tk, k0)) C[i][j] = (C[i][j] ?? 0) + A[i][p] * B[p][j];
    }
    return C;
  },
  intensity: (m, k, n, words) => (2 * m * k * n) / words,
  roofline: (intensity, peak, bandwidth) => Math.min(peak, intensity * bandwidth),
};

const view = defineView("tiling", (ui) => {
  const sizes = () => ["m", "k", "n"].map(ui.get);
  const side = () => clamp(ui.get("t"), 1, Math.max(...sizes()));
  const count = () => sizes().reduce((all, size) => all * Math.ceil(size / side()), 1);
  const step = () => clamp(ui.get("step"), 0, count());
  const setting = () => [...sizes(), side(), ui.get("order")].join(",");
  const seen = new Set();
  const most = ui.get("data").A.length;
  for (const [trait, what] of [["m", "rows of A and C, m"], ["k", "columns of A, k"], ["n", "columns of C, n"]])
    ui.slider(trait, { label: what, min: 1, max: most });
  ui.slider("t", { label: "tile side t", min: 1, max: () => Math.max(...sizes()) });
  ui.choice("order", { label: "loops, outer to inner", options: ["ijk", "jik", "ikj", "kij", "jki", "kji"].map((o) => [o, [...o].join(" ")]) });
  ui.slider("step", { label: "products done", min: 0, max: count, text: (v) => `${v} of ${count()}` });
  const advance = (by) => { ui.set({ step: clamp(step() + by, 0, count()) }); return step() < count(); };
  ui.button("Back", () => advance(-1), { disabled: () => step() === 0 });
  ui.button("Step", () => advance(1), { disabled: () => step() === count() });
  ui.player(() => advance(1), { every: 350 });
  ui.button("Restart", () => ui.set({ step: 0 }));
  ui.predict({
    question: () => `How many words will this product move in all, with tiles of side ${side()} and loops ${[...ui.get("order")].join(" ")}?`,
    setting,
    answer: () => { seen.add(setting()); return maths.total(maths.words(maths.moves(...sizes(), side(), ui.get("order")), Infinity)); },
    explain: () => "A, B and C add up to it in the table.",
  });
  const note = ui.html(H("p", { class: "fci-note" }));
  const stage = ui.stage("Matrices A, B and C with the tiles in use outlined, the tiles in fast memory, the words moved so far, and a roofline plot");

  ui.draw(() => {
    const [m, k, n] = sizes(), t = side(), order = ui.get("order"), s = step(), { A, B, peak, bandwidth } = ui.get("data");
    const moves = maths.moves(m, k, n, t, order), now = maths.words(moves, s), all = maths.words(moves, Infinity);
    const at = s ? maths.products(m, k, n, t, order)[s - 1] : null, C = maths.partial(A, B, m, k, n, t, order, s);
    const done = s === moves.length, told = done || seen.has(setting());
    const W = ui.room(780, 1100), cell = clamp(Math.floor((W - 432) / (k + n)), 29, 36), gap = 34, x0 = 14, y0 = 28, x1 = x0 + k * cell + gap, y1 = y0 + k * cell + gap;
    const spans = (g, place) => ({ A: [[m, "i"], [k, "k"]], B: [[k, "k"], [n, "j"]], C: [[m, "i"], [n, "j"]] })[g]
      .map(([size, index]) => (place[index] === null ? [0, size] : maths.tile(size, t, place[index])));
    const tileOf = (g, place, kind) => { const [[r, h], [c, w]] = spans(g, place); return grids[g].mark(r, c, h, w, kind); };

    const yours = ui.get("yours")[[m, k, n, t].join(",")], exact = maths.partial(A, B, m, k, n, t, order, Infinity);
    const differs = (i, j) => yours?.values && Math.abs(yours.values[i]?.[j] - exact[i][j]) > 1e-6;
    const reach = Math.max(...exact.flat().map(Math.abs), 1);
    const wrong = range(m * n).filter((q) => differs(Math.floor(q / n), q % n));
    note.hidden = !yours;
    if (yours) note.textContent = yours.note || (wrong.length ? `\u2715 marks the ${wrong.length} of ${m * n} cells where your function's C differs.` : `Your function's C agrees in all ${m * n} cells.`);

    const links = S("g");
    const link = (g, place) => {
      if (!place) { links.replaceChildren(); return ui.say(sentence); }
      links.replaceChildren(...["A", "B", "C"].map((other) => tileOf(other, place, other === g ? "dotted" : "dashed")));
      const [[r, h], [c, w]] = spans(g, place), rows = `rows ${r} to ${r + h - 1}`, cols = `columns ${c} to ${c + w - 1}`;
      ui.say({
        A: `Tile of A (${rows}, ${cols}): meets row ${place.k} of the tiles of B, and adds to every tile of C in its row.`,
        B: `Tile of B (${rows}, ${cols}): meets column ${place.k} of the tiles of A, and adds to every tile of C in its column.`,
        C: `Tile of C (${rows}, ${cols}): the sum over ${Math.ceil(k / t)} products of a tile in its row of A with one in its column of B.`,
      }[g]);
    };
    const tileIndex = ([r, c]) => [Math.floor(r / t), Math.floor(c / t)];
    const place = { A: ([i, p]) => ({ i, k: p, j: null }), B: ([p, j]) => ({ k: p, j, i: null }), C: ([i, j]) => ({ i, j, k: null }) };
    const picked = (g) => (where) => {
      link(g, where && place[g](tileIndex(where)));
      if (g === "C" && where && differs(...where)) ui.say(`C[${where}] is ${short(exact[where[0]][where[1]])}; your function gives ${short(yours.values[where[0]]?.[where[1]])}.`);
    };
    const finish = (where) => {
      const [i, j] = tileIndex(where);
      ui.set({ step: maths.products(m, k, n, t, order).findLastIndex((p) => p.i === i && p.j === j) + 1 });
    };
    const grids = {
      A: grid(ui, { key: "A", label: "matrix A", caption: "A", x: x0, y: y1, rows: m, cols: k, size: cell, value: (r, c) => A[r][c], lo: -3, hi: 3, onPick: picked("A") }),
      B: grid(ui, { key: "B", label: "matrix B", caption: "B", x: x1, y: y0, rows: k, cols: n, size: cell, value: (r, c) => B[r][c], lo: -3, hi: 3, onPick: picked("B") }),
      C: grid(ui, { key: "C", label: "matrix C", caption: "C", x: x1, y: y1, rows: m, cols: n, size: cell, value: (r, c) => C[r][c], lo: -reach, hi: reach, onPick: picked("C"), onPress: finish }),
    };
    const loops = k < 5 ? [] : [...order].map((index, depth) => label(x0 + 20 * depth, y0 + 20 + 24 * depth,
      `for ${index} = ${at ? at[index] : "\u2013"} of 0\u2026${Math.ceil(({ i: m, j: n, k })[index] / t) - 1}`, { cls: "fci-mono" }));
    const live = at ? ["A", "B", "C"].map((g) => tileOf(g, at, "solid")) : [];
    const crosses = wrong.map((q) => grids.C.cross(Math.floor(q / n), q % n));
    const sentence = at
      ? `Product ${s} of ${moves.length}: C tile (${at.i}, ${at.j}) += A tile (${at.i}, ${at.k}) \u00d7 B tile (${at.k}, ${at.j}). ${maths.total(now)} words moved so far.`
      : `Nothing is in fast memory yet. ${moves.length} products of tiles to do.`;

    // fast memory, beside the matrices or, where there is no room, below
    const below = x1 + n * cell + 384 > W, X = below ? x0 : x1 + n * cell + 36, Y = below ? y1 + m * cell + 54 : y0;
    const small = Math.min(33, Math.floor(94 / t)), held = [label(X, Y - 8, "In fast memory", { cls: "fci-strong" })];
    let x = X, used = 0;
    for (const [g, sign, source] of [["C", "+=", C], ["A", "\u00d7", A], ["B", "", B]]) {
      const slots = grid(ui, { key: `fast-${g}`, x, y: Y + 22, rows: t, cols: t, size: small, lo: g === "C" ? -reach : -3, hi: g === "C" ? reach : 3, value: (r, c) => {
        if (!at) return null;
        const [[r0, h], [c0, w]] = spans(g, at);
        if (r >= h || c >= w) return null;
        used += 1;
        return source[r0 + r][c0 + c];
      } });
      held.push(slots.node, label(x + slots.width / 2, Y + 16, g, { anchor: "middle" }));
      x += slots.width;
      if (sign) held.push(label(x + 16, Y + 22 + slots.height / 2 + 6, sign, { anchor: "middle", cls: "fci-strong" }));
      x += 32;
    }
    const y2 = Y + 22 + t * small + 24;
    held.push(label(X, y2, `${used} of 3t\u00b2 = ${3 * t * t} words in use`, { cls: "fci-quiet" }));

    // words moved
    const y3 = y2 + 38, columns = [X + 205, X + 285];
    const table = [label(X, y3, "Words moved", { cls: "fci-strong" }), label(columns[0], y3, "so far", { anchor: "end" }), label(columns[1], y3, "in all", { anchor: "end" })];
    const rows = [["A, read", "A"], ["B, read", "B"], [order[2] === "k" ? "C, written" : "C, both ways", "C"]];
    rows.forEach(([words, g], r) => table.push(label(X, y3 + 24 * (r + 1), words), label(columns[0], y3 + 24 * (r + 1), now[g], { anchor: "end" }),
      label(columns[1], y3 + 24 * (r + 1), told ? all[g] : "?", { anchor: "end", cls: "fci-quiet" })));
    table.push(S("line", { x1: X, x2: columns[1], y1: y3 + 80, y2: y3 + 80, class: "fci-gridline" }), label(X, y3 + 99, "sum", { cls: "fci-strong" }),
      label(columns[0], y3 + 99, maths.total(now), { anchor: "end", cls: "fci-strong", "data-role": "words" }),
      label(columns[1], y3 + 99, told ? maths.total(all) : "?", { anchor: "end", cls: "fci-strong", "data-role": "all-words" }));

    // roofline
    const RX = below ? X + 400 : X, RY = below ? Y + 20 : y3 + 150;
    const plot = axes({ x: RX + 22, y: RY, width: 270, height: 130, xlim: [0.5, 16], ylim: [2, 16], log: "xy", xticks: [0.5, 1, 2, 4, 8, 16], yticks: [2, 4, 8, 16],
      xlabel: "operations per word moved", ylabel: "Operations per tick of a toy machine", ticktext: String });
    const point = (side) => { const I = maths.intensity(m, k, n, maths.total(maths.words(maths.moves(m, k, n, side, order), Infinity))); return [I, maths.roofline(I, peak, bandwidth)]; };
    const dots = range(Math.max(m, k, n), 1).filter((u) => u !== t).map((u) => { const [I, P] = point(u); return marker(plot.X(I), plot.Y(P), { shape: "ring", radius: 4, colour: OKABE.sky }); });
    const [I, P] = point(t), bound = I < peak / bandwidth ? "waits for memory" : "computes at full speed";
    const roof = [plot.line([[0.5, 0.5 * bandwidth], [peak / bandwidth, peak], [16, peak]], { colour: "var(--fci-ink)" }), dots,
      marker(plot.X(I), plot.Y(P), { shape: "diamond", radius: 7, "data-role": "dot", "data-intensity": I.toFixed(6) }),
      label(plot.X(0.5) + 10, plot.Y(16) + 22, `t = ${t}: ${bound}`, { cls: "fci-strong" })];

    ui.say(sentence);
    stage.show(Math.max(RX + 312, x1 + n * cell + 14, x - 32), Math.max(y1 + m * cell + 14, RY + 180, y3 + 120), grids.A.node, grids.B.node, grids.C.node, loops, crosses, links, live, held, table, plot.node, roof);
  });
});
export { maths };
export default view;
