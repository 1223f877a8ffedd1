const maths = {
  /** How many positions a kernel of `size` taps has along a side; 0 or less where it does not fit. */
  positions: (side, { kernel, stride, padding, dilation }) => Math.floor((side + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1,
  /** All sizes that follow from the input's shape [N, C, H, W] and a setting { kernel, stride, padding, dilation }. */
  sizes: ([N, C, H, W], set) => {
    const OH = maths.positions(H, set), OW = maths.positions(W, set);
    return { N, C, H, W, OH, OW, PH: H + 2 * set.padding, PW: W + 2 * set.padding, rows: C * set.kernel ** 2, cols: N * OH * OW };
  },
  fits: (shape, set) => { const { OH, OW } = maths.sizes(shape, set); return OH > 0 && OW > 0; },
  /** Row of the lowered matrix → the tap { c, i, j }; column → the output pixel { n, y, x }. */
  tap: (row, { kernel: K }) => ({ c: Math.floor(row / K ** 2), i: Math.floor(row / K) % K, j: row % K }),
  pixel: (col, { OH, OW }) => ({ n: Math.floor(col / (OH * OW)), y: Math.floor(col / OW) % OH, x: col % OW }),
  /** The pixel of the padded input that a cell of the lowered matrix copies: [n, c, y, x]. */
  source: (shape, set, row, col) => {
    const { c, i, j } = maths.tap(row, set), { n, y, x } = maths.pixel(col, maths.sizes(shape, set));
    return [n, c, y * set.stride + i * set.dilation, x * set.stride + j * set.dilation];
  },
  padded: (input, set, [n, c, y, x]) => input[n][c][y - set.padding]?.[x - set.padding] ?? 0,
  lower: (input, shape, set) => {
    const { rows, cols } = maths.sizes(shape, set);
    return range(rows).map((r) => range(cols).map((q) => maths.padded(input, set, maths.source(shape, set, r, q))));
  },
  /** Every cell [row, col] of the lowered matrix that copies the padded input's pixel [n, c, y, x]. */
  copies: (shape, set, [n, c, y, x]) => {
    const { OH, OW } = maths.sizes(shape, set), K = set.kernel, found = [];
    for (const i of range(K)) for (const j of range(K)) {
      const oy = (y - i * set.dilation) / set.stride, ox = (x - j * set.dilation) / set.stride;
      if (Number.isInteger(oy) && Number.isInteger(ox) && oy >= 0 && oy < OH && ox >= 0 && ox < OW)
        found.push([(c * K + i) * K + j, (n * OH + oy) * OW + ox]);
    }
    return found;
  },
  /** Weights (O, C, K, K) as rows. */
  rows: (weights) => weights.map((kernel) => kernel.flat(2)),
  product: (A, B) => A.map((row) => range(B[0].length).map((c) => row.reduce((sum, a, p) => sum + a * B[p][c], 0))),
  /** An edge filter for every kernel size: left column −1, right column 1. */
  edges: (C, K) => [range(C).map(() => range(K).map(() => range(K).map((j) => (K === 1 ? 1 : Math.sign(j - (K - 1) / 2)))))],
};

/** A number in a sentence: four digits. */
const plain = (v) => (v === undefined ? "?" : minus(Number(v.toPrecision(4))));

const view = defineView("lowering", (ui) => {
  const { x: input, weights: given, shape, most } = ui.get("data"), [N, C] = shape;
  const setting = (change = {}) => ({ kernel: ui.get("kernel"), stride: ui.get("stride"), padding: ui.get("padding"), dilation: ui.get("dilation"), ...change });
  const possible = (change) => { const s = maths.sizes(shape, setting(change)); return s.OH > 0 && s.OW > 0 && s.rows * s.cols <= most; };
  const largest = (trait, top) => () => { let v = ui.get(trait); while (v < top && possible({ [trait]: v + 1 })) v += 1; return v; };
  const smallest = (trait, bottom) => () => { let v = ui.get(trait); while (v > bottom && possible({ [trait]: v - 1 })) v -= 1; return v; };
  const positions = () => Math.max(1, maths.sizes(shape, setting()).cols);
  const position = () => clamp(ui.get("position"), 0, positions() - 1);
  const where = (col) => { const { n, y, x } = maths.pixel(col, maths.sizes(shape, setting())); return `${N > 1 ? `image ${n}, ` : ""}row ${y}, column ${x}`; };
  ui.slider("position", { label: "output position", max: () => positions() - 1, text: (v) => where(v) });
  for (const [trait, bottom, top] of [["kernel", 1, 5], ["stride", 1, 4], ["padding", 0, 3], ["dilation", 1, 3]])
    ui.slider(trait, { label: trait, min: smallest(trait, bottom), max: largest(trait, top), disabled: trait === "kernel" && Boolean(given),
      help: trait === "kernel" && given ? "fixed by the weights" : undefined });
  if (given?.length > 1) ui.slider("filter", { label: "filter", max: given.length - 1 });
  const advance = (by) => { ui.set({ position: clamp(position() + by, 0, positions() - 1) }); return position() < positions() - 1; };
  ui.button("Back", () => advance(-1), { disabled: () => position() === 0 });
  ui.button("Step", () => advance(1), { disabled: () => position() === positions() - 1 });
  ui.player(() => advance(1), { every: 450 });
  const middle = () => { const s = maths.sizes(shape, setting()); return [0, 0, Math.floor(s.PH / 2), Math.floor(s.PW / 2)]; };
  ui.predict({
    question: () => { const [, , y, x] = middle(); return `How many cells of the lowered matrix copy pixel (${y}, ${x}) of the padded input?`; },
    setting: () => Object.values(setting()).join(","),
    answer: () => maths.copies(shape, setting(), middle()).length,
    explain: () => "Point at the pixel to see them.",
  });
  const note = ui.html(H("p", { class: "fci-note" }));
  const stage = ui.stage("Padded input with the window, the window times the kernel, the output, and below the same as one product of matrices");

  ui.draw(() => {
    const set = setting(), s = maths.sizes(shape, set), K = set.kernel;
    note.hidden = true;
    if (!possible({})) {
      const why = maths.fits(shape, set) ? `The lowered matrix would have ${s.rows} × ${s.cols} cells: more than this picture holds.`
        : `The kernel spans ${set.dilation * (K - 1) + 1} pixels, the padded input has only ${s.PH} × ${s.PW}.`;
      ui.say(why);
      return stage.show(600, 60, label(14, 34, why, { cls: "fci-strong" }));
    }
    const weights = given ?? maths.edges(C, K), filter = clamp(ui.get("filter"), 0, weights.length - 1), here = position();
    const lowered = maths.lower(input, shape, set), A = maths.rows(weights), out = maths.product(A, lowered);
    const at = maths.pixel(here, s), flat = input.flat(3), lo = Math.min(0, ...flat), hi = Math.max(...flat, lo + 1);
    const bound = Math.max(...A.flat().map(Math.abs), 1), reach = Math.max(...out.flat().map(Math.abs), 1);
    const isPad = (y, x) => y < set.padding || x < set.padding || y >= s.PH - set.padding || x >= s.PW - set.padding;
    const grids = {}, nodes = [], add = (...more) => nodes.push(...more);
    const links = S("g");

    // the pointer's cell, in each of the pictures
    const show = (marks, text) => { links.replaceChildren(...marks); ui.say(text); };
    const off = () => show([], sentence);
    const ofPixel = (p, own) => {
      const copies = maths.copies(shape, set, p), [n, c, y, x] = p;
      const name = isPad(y, x) ? `Padding, padded[${p.join(", ")}] = 0` : `x[${[n, c, y - set.padding, x - set.padding].join(", ")}] = ${plain(input[n][c][y - set.padding][x - set.padding])}`;
      const cells = copies.map(([r, q]) => `[${r}, ${q}]`).join(" ");
      show([grids[`x${n},${c}`].mark(y, x, 1, 1, "dotted"), ...copies.map(([r, q]) => grids.lowered.mark(r, q, 1, 1, own?.[0] === r && own?.[1] === q ? "dotted" : "dashed"))],
        `${own ? `lowered[${own.join(", ")}] copies ` : ""}${name}: ${copies.length === 1 ? "1 copy" : `${copies.length} copies`} in the lowered matrix${copies.length ? `: ${cells}` : ""}.`);
    };
    const ofCell = (cell) => (cell ? ofPixel(maths.source(shape, set, ...cell), cell) : off());
    const ofTap = (o, row) => {
      const { c, i, j } = maths.tap(row, set);
      show([grids.A.mark(o, row, 1, 1, "dotted"), grids.lowered.mark(row, 0, 1, s.cols, "dashed"), ...(o === filter ? [grids[`w${c}`].mark(i, j, 1, 1, "dotted")] : [])],
        `Weight[${[o, c, i, j].join(", ")}] = ${plain(A[o][row])} multiplies row ${row} of the lowered matrix.`);
    };
    const ofOutput = (o, col) => {
      const { n, y, x } = maths.pixel(col, s), taps = range(s.rows).map((r) => maths.source(shape, set, r, col));
      show([grids.C.mark(o, col, 1, 1, "dotted"), grids.lowered.mark(0, col, s.rows, 1, "dashed"), grids.A.mark(o, 0, 1, s.rows, "dashed"),
        ...(o === filter ? [grids[`y${n}`].mark(y, x, 1, 1, "dotted")] : []), ...taps.map(([m, c, v, u]) => grids[`x${m},${c}`].mark(v, u, 1, 1, "dashed"))],
        `Output[${[n, o, y, x].join(", ")}] = row ${o} of the weights × column ${col} of the lowered matrix = ${plain(out[o][col])}.`);
    };
    const go = (col) => ui.set({ position: col });

    // above: the convolution
    const W = ui.room(760, 1300), cell = clamp(Math.floor((W - 176) / (N * (s.PW + s.OW) + 3 * Math.max(K, 3))), 24, C > 2 ? 28 : 34), x0 = 14, y0 = 30, gap = 34, step = Math.max(s.PH * cell, K * (K <= 3 ? Math.max(cell, 34) : cell)) + gap;
    let right = x0;
    for (const n of range(N)) for (const c of range(C)) {
      const key = `x${n},${c}`, wide = Math.max(s.PW * cell, N > 1 ? 112 : 0), left = x0 + n * (wide + 20);
      grids[key] = grid(ui, { key, label: `padded input, image ${n}, channel ${c}`, caption: N * C > 1 ? `Padded x[${n}, ${c}]` : "Padded input",
        x: left, y: y0 + c * step, rows: s.PH, cols: s.PW, size: cell, lo, hi, value: (y, x) => maths.padded(input, set, [n, c, y, x]), kind: (y, x) => (isPad(y, x) ? "fci-pad" : ""),
        onPick: (p) => (p ? ofPixel([n, c, ...p]) : off()),
        onPress: ([y, x]) => { const [oy, ox] = [y, x].map((v, a) => clamp(Math.floor((v - set.dilation * Math.floor((K - 1) / 2)) / set.stride), 0, [s.OH, s.OW][a] - 1)); go((n * s.OH + oy) * s.OW + ox); } });
      add(grids[key].node);
      right = Math.max(right, left + Math.max(wide, 112));
    }
    const xw = right + 34, products = range(s.rows).map((r) => A[filter][r] * lowered[r][here]), most = Math.max(...products.map(Math.abs), 1);
    const captions = [["Window", (r) => lowered[r][here], lo, hi, "×"], ["Kernel", (r) => A[filter][r], -bound, bound, "="], ["Products", (r) => products[r], -most, most, ""]];
    const pc = K <= 3 ? Math.max(cell, 34) : cell, panel = Math.max(K * pc, 74), xs = [0, 1, 2].map((q) => xw + q * (panel + 30));
    for (const c of range(C)) captions.forEach(([title, value, low, high, sign], q) => {
      const box = grid(ui, { key: q === 1 ? `w${c}` : `panel${q}${c}`, label: title, caption: c === 0 ? title : "", x: xs[q], y: y0 + c * step, rows: K, cols: K, size: pc,
        lo: low, hi: high, value: (i, j) => value((c * K + i) * K + j),
        kind: (i, j) => { if (q !== 0) return ""; const [, , y, x] = maths.source(shape, set, (c * K + i) * K + j, here); return isPad(y, x) ? "fci-pad" : ""; } });
      if (q === 1) grids[`w${c}`] = box;
      add(box.node, sign ? label(xs[q] + K * pc + (xs[q + 1] - xs[q] - K * pc) / 2, y0 + c * step + (K * pc) / 2 + 6, sign, { anchor: "middle", cls: "fci-strong" }) : null);
    });
    const ysum = y0 + (C - 1) * step + K * pc + 28;
    add(label(xs[2], ysum, `sum = ${plain(out[filter][here])}`, { cls: "fci-strong", "data-role": "sum", "data-value": out[filter][here] }));
    const xo = xs[2] + panel + 34;
    for (const n of range(N)) {
      const key = `y${n}`;
      grids[key] = grid(ui, { key, label: `output, image ${n}`, caption: N * weights.length > 1 ? `y[${n}, ${filter}]` : "Output", x: xo + n * (Math.max(s.OW * cell, 60) + 20), y: y0,
        rows: s.OH, cols: s.OW, size: cell, lo: -reach, hi: reach, value: (y, x) => out[filter][(n * s.OH + y) * s.OW + x],
        onPick: (p) => (p ? ofOutput(filter, (n * s.OH + p[0]) * s.OW + p[1]) : off()), onPress: ([y, x]) => go((n * s.OH + y) * s.OW + x) });
      add(grids[key].node);
    }
    const topWidth = xo + N * (Math.max(s.OW * cell, 60) + 20);
    add(range(s.rows).map((r) => { const [n, c, y, x] = maths.source(shape, set, r, here); return set.dilation > 1 && K > 1 ? grids[`x${n},${c}`].mark(y, x, 1, 1, "solid") : null; }));
    const span = set.dilation * (K - 1) + 1;
    add(range(C).map((c) => grids[`x${at.n},${c}`].mark(at.y * set.stride, at.x * set.stride, span, span, set.dilation > 1 && K > 1 ? "dotted" : "solid")));
    add(grids[`y${at.n}`].mark(at.y, at.x, 1, 1, "solid"));

    // below: the same as one product of matrices
    const top = Math.max(y0 + C * step - gap, ysum + 6, y0 + s.OH * cell) + 52;
    const tight = s.cols > 40 ? 14 : clamp(Math.floor((W - 60) / (s.rows + s.cols)), 22, 34);
    const xl = x0 + Math.max(s.rows * tight, 110) + 26;
    const yours = ui.get("yours")[Object.values(set).join(",")], theirs = yours?.values;
    const sameShape = theirs?.length === s.rows && theirs.every((row) => row.length === s.cols);
    const differs = (r, q) => Math.abs((theirs?.[r]?.[q] ?? NaN) - (lowered[r]?.[q] ?? NaN)) <= 1e-6 ? false : true;
    const wrong = theirs ? theirs.flatMap((row, r) => row.map((_, q) => [r, q])).filter(([r, q]) => differs(r, q)) : [];
    const right_ = theirs && sameShape && wrong.length === 0;
    const pads = (r, q) => { const [, , y, x] = maths.source(shape, set, r, q); return isPad(y, x) ? "fci-pad" : ""; };
    grids.lowered = grid(ui, { key: "lowered", label: "lowered input", caption: `Lowered input, ${s.rows} × ${s.cols}${right_ ? ", and yours is the same" : ""}`, x: xl, y: top,
      rows: s.rows, cols: s.cols, size: tight, lo, hi, value: (r, q) => lowered[r][q], kind: pads, onPick: ofCell, onPress: ([, q]) => go(q) });
    add(grids.lowered.node);
    let below = top + s.rows * tight + 34;
    if (theirs && !right_) {
      grids.yours = grid(ui, { key: "yours", label: "your lowered input", caption: `Yours, ${theirs.length} × ${theirs[0].length}: \u2715 differs`, x: xl, y: below, rows: theirs.length, cols: theirs[0].length,
        size: tight, lo, hi, value: (r, q) => theirs[r][q], cls: "fci-yours",
        onPick: (p) => { if (!p) return off(); ofCell(lowered[p[0]]?.[p[1]] === undefined ? null : p); ui.say(`Yours[${p.join(", ")}] = ${plain(theirs[p[0]][p[1]])}; right is ${plain(lowered[p[0]]?.[p[1]])}.`); } });
      add(grids.yours.node, wrong.map(([r, q]) => grids.yours.cross(r, q)));
      below += theirs.length * tight + 34;
    }
    if (yours) {
      note.hidden = false;
      note.textContent = yours.note || (right_ ? `Your function gives all ${s.rows * s.cols} cells right.`
        : sameShape ? `${wrong.length} of the ${s.rows * s.cols} cells of your lowered matrix differ: they are crossed out.`
        : `Your lowered matrix is ${theirs.length} × ${theirs[0].length}; it should be ${s.rows} × ${s.cols}.`);
    }
    grids.A = grid(ui, { key: "A", label: "lowered weights", caption: `Weights, ${A.length} × ${s.rows}`, x: x0, y: below, rows: A.length, cols: s.rows, size: tight, lo: -bound, hi: bound,
      value: (o, r) => A[o][r], onPick: (p) => (p ? ofTap(...p) : off()), onPress: ([o]) => ui.set({ filter: o }) });
    grids.C = grid(ui, { key: "C", label: "output matrix", caption: `Output, ${A.length} × ${s.cols}`, x: xl, y: below, rows: A.length, cols: s.cols, size: tight, lo: -reach, hi: reach,
      value: (o, q) => out[o][q], onPick: (p) => (p ? ofOutput(...p) : off()), onPress: ([o, q]) => ui.set({ filter: o, position: q }) });
    add(grids.A.node, grids.C.node, grids.lowered.mark(0, here, s.rows, 1, "solid"), grids.A.mark(filter, 0, 1, s.rows, "solid"), grids.C.mark(filter, here, 1, 1, "solid"));

    const sentence = `Output ${where(here)}: column ${here} of the lowered matrix, sum of ${s.rows} products = ${plain(out[filter][here])}.`;
    ui.say(sentence);
    stage.show(Math.max(topWidth, xl + 330, xl + Math.max(s.cols, theirs?.[0]?.length ?? 0) * tight + 10), below + A.length * tight + 14, nodes, links);
  });
});
export { maths };
export default view;
