/* What a view's function gets (controls, stage, status line), and the module that anywidget runs: see base.js. */

/** A name that no other view in the page has: each of them is a module of its own. */
const unique = (name) => `${name}-${Math.random().toString(36).slice(2)}`;

/** The object that a view's function gets: see the top of this file. */
function makeUI(name, model, root) {
  const controls = H("div", { class: "fci-controls" }), body = H("div", { class: "fci-body" });
  const status = H("div", { class: "fci-status", role: "status", "aria-live": "polite" });
  const large = H("button", { type: "button", class: "fci-button", "aria-pressed": "false", title: "half as large again, for a projector",
    onclick: () => large.setAttribute("aria-pressed", String(root.classList.toggle("fci-large"))) }, "Larger");
  const error = H("div", { class: "fci-error", role: "alert", hidden: true });
  root.replaceChildren(controls, body, H("div", { class: "fci-foot" }, status, large), error);
  const cleanups = [], painters = [], refreshers = [];
  let queued = false, watched = null, measured = 0;
  const fail = (problem) => {
    console.error(problem);
    error.hidden = false;
    error.textContent = `This view stopped: ${problem.message ?? problem}. Run its cell again.`;
  };
  const guard = (run) => (...args) => { try { return run(...args); } catch (problem) { fail(problem); } };
  const paint = guard(() => {
    queued = false;
    ui.redrawing = true;
    ui.over = null;
    try { refreshers.forEach((run) => run()); painters.forEach((run) => run()); } finally { ui.redrawing = false; }
  });
  const redraw = () => { if (!queued) { queued = true; queueMicrotask(paint); } };
  const add = (node) => { controls.append(node); return node; };
  const listen = (names, run) => names.forEach((n) => { model.on(n, run); cleanups.push(() => model.off(n, run)); });
  const ui = {
    model, root, controls, body, guard, redraw, cursors: {}, redrawing: false, over: null, spot: "",
    get: (trait) => model.get(trait),
    set: (changes) => {
      for (const [trait, value] of Object.entries(changes)) model.set(trait, value);
      model.save_changes();
      redraw();
    },
    say: (text) => { const line = minus(text); if (status.textContent !== line) status.textContent = line; },
    /** Paint now and after every change of any trait, once for changes that come together. */
    draw: (run) => { painters.push(run); if (painters.length === 1) { listen(["change"], redraw); } paint(); },
    onCleanup: (run) => cleanups.push(run),
    /** A labelled native range input. min, max, disabled, text may be functions, asked again at every paint. */
    slider: (trait, { label: title, min = 0, max, step = 1, text = short, disabled = false, help }) => {
      const ask = (v) => (typeof v === "function" ? v() : v);
      const input = H("input", { type: "range", step, "aria-label": title, "data-trait": trait }), shown = H("span", { class: "fci-value" });
      const refresh = () => {
        input.min = ask(min); input.max = ask(max); input.disabled = ask(disabled);
        const value = clamp(ui.get(trait), Number(input.min), Number(input.max)), words = minus(text(value));
        if (Number(input.value) !== value) input.value = value;
        input.setAttribute("aria-valuetext", words);
        shown.textContent = words;
      };
      input.addEventListener("input", guard(() => { ui.set({ [trait]: Number(input.value) }); refresh(); }));
      refreshers.push(refresh);
      return add(H("label", { class: "fci-control", title: help }, H("span", { class: "fci-name" }, title), input, shown));
    },
    /** One of a few: native radio buttons. options: [[value, text], ...]. */
    choice: (trait, { label: title, options }) => {
      const group = unique(`fci-${name}-${trait}`);
      const inputs = options.map(([value]) => H("input", { type: "radio", name: group, value: String(value), "data-trait": trait,
        onchange: guard(() => ui.set({ [trait]: value })) }));
      refreshers.push(() => inputs.forEach((input, i) => { input.checked = options[i][0] === ui.get(trait); }));
      return add(H("fieldset", { class: "fci-choice" }, H("legend", { class: "fci-name" }, title),
        H("div", { class: "fci-options" }, inputs.map((input, i) => H("label", {}, input, H("span", {}, options[i][1]))))));
    },
    toggle: (trait, { label: title }) => {
      const input = H("input", { type: "checkbox", "data-trait": trait, onchange: guard(() => ui.set({ [trait]: input.checked })) });
      refreshers.push(() => { input.checked = Boolean(ui.get(trait)); });
      return add(H("label", { class: "fci-control fci-toggle" }, input, H("span", { class: "fci-name" }, title)));
    },
    button: (title, press, { help, disabled = () => false } = {}) => {
      const node = H("button", { type: "button", class: "fci-button", title: help, onclick: guard(press) }, title);
      refreshers.push(() => { node.disabled = disabled(); });
      const last = controls.lastElementChild;        // buttons made one after the other stand together
      (last?.classList.contains("fci-buttons") ? last : add(H("div", { class: "fci-buttons" }))).append(node);
      return node;
    },
    /** Play: calls step() again and again until it returns false. Off where the system asks for less motion. */
    player: (step, { every = 500 } = {}) => {
      const still = window.matchMedia("(prefers-reduced-motion: reduce)");
      let timer = null;
      const stop = () => { clearInterval(timer); timer = null; node.textContent = "Play"; };
      const node = ui.button("Play", () => {
        if (timer) return stop();
        node.textContent = "Pause";
        timer = setInterval(guard(() => { if (!root.isConnected || step() === false) stop(); }), every);
      }, { disabled: () => still.matches, help: still.matches ? "Your system asks for less motion: use Step" : undefined });
      cleanups.push(stop);
      return Object.assign(node, { stop });
    },
    /** A question answered with a number before the picture tells. answer() is asked when the student commits;
        where setting() changes, the question is new. */
    predict: ({ question, setting = question, answer, explain = () => "", disabled = () => false }) => {
      let asked = "";
      const input = H("input", { type: "number", step: "any", "aria-label": question() }), reply = H("span", { class: "fci-reply" });
      const words = H("span", {}, question());
      const form = H("form", { class: "fci-predict", onsubmit: guard((event) => {
        event.preventDefault();
        if (input.value === "") return;
        const said = Number(input.value), right = answer();
        ui.set({ prediction: said });
        reply.textContent = minus(Math.abs(said - right) < 0.0051 ? `Yes, ${short(right)}. ${explain()}` : `You said ${said}; it is ${short(right)}. ${explain()}`);
        queueMicrotask(() => ui.say(reply.textContent));   // after the paint: the one live line reads it out
      }) }, H("strong", {}, "Predict "), words,
        H("span", { class: "fci-answer" }, input, H("button", { type: "submit", class: "fci-button" }, "Compare")), reply);
      refreshers.push(() => {
        if (asked !== setting()) { asked = setting(); input.value = ""; reply.textContent = ""; }
        words.textContent = minus(question());
        input.setAttribute("aria-label", question());
        form.hidden = disabled();
      });
      body.append(form);
      return form;
    },
    /** The picture. show(width, height, ...nodes) replaces it and keeps the keyboard focus where it was. */
    stage: (alt) => {
      const drawing = S("svg", { class: "fci-svg", role: "group", "aria-label": alt });
      body.append(H("div", { class: "fci-scroll" }, drawing));
      return { node: drawing, show: (width, height, ...nodes) => {
        const held = root.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
        drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
        drawing.style.setProperty("--fci-width", width);
        drawing.replaceChildren(...nodes.flat(Infinity).filter(Boolean));
        if (held) drawing.querySelector(`[data-focus="${held}"]`)?.focus({ preventScroll: true });
      } };
    },
    /** How wide a picture fits here without scrolling, between `least` and `most`; a change of it repaints. */
    room: (least, most) => {
      const measure = () => (body.clientWidth ? Math.floor(body.clientWidth / Number(getComputedStyle(root).getPropertyValue("--fci-scale") || 1)) : most);
      if (!watched) {
        watched = new ResizeObserver(() => { if (measured !== measure()) redraw(); });
        watched.observe(body);
        cleanups.push(() => watched.disconnect());
      }
      measured = measure();
      return clamp(measured, least, most);
    },
    html: (node) => { body.append(node); return node; },
    fail,
    cleanup: () => cleanups.forEach((run) => run()),
  };
  return ui;
}

/** An anywidget module from a view's function. An exception shows a message in place of an empty output. */
function defineView(name, describe) {
  const render = ({ model, el }) => {
    const root = H("section", { class: `fci fci-view-${name}`, "aria-label": `${name} view`, "data-lm-suppress-shortcuts": "true" });
    el.append(root);
    root.addEventListener("keydown", (event) => { if (!event.ctrlKey && !event.metaKey) event.stopPropagation(); });
    const ui = makeUI(name, model, root);
    ui.guard(describe)(ui);
    return ui.cleanup;
  };
  return { render };
}

/** Shows a view without Jupyter: the model is a plain object. */
function mountStatic(view, state, el) {
  const handlers = {};
  const model = {
    get: (trait) => state[trait],
    set: (trait, value) => { state[trait] = value; for (const n of [`change:${trait}`, "change"]) handlers[n]?.forEach((run) => run()); },
    save_changes: () => {},
    on: (event, run) => (handlers[event] ??= new Set()).add(run),
    off: (event, run) => handlers[event]?.delete(run),
  };
  view.render({ model, el });
  return model;
}
