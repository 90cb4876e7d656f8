(() => {
  "use strict";
  const find = (id) => document.getElementById(id);
  const make = (tag, given = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), given);
    element.append(...children);
    return element;
  };
  const run = graph(np), forward = cost(np);
  const FEW = 24, MOST_CELLS = 256, LONGEST_HISTORY = 2000, STEPS_A_SECOND = 20, SMALLEST = 0.68, LARGEST = 1.2, NARROW = 0.56;

  // --- numbers as the picture writes them: four significant digits, and a true minus sign ---
  function written(x, digits = 4) {
    if (Number.isNaN(x)) return "NaN";
    if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
    const [mantissa, power] = x.toExponential(digits - 1).split("e"), e = Number(power);
    const plain = e < -4 || e >= digits ? `${Number(mantissa)}e${e < 0 ? "-" : "+"}${String(Math.abs(e)).padStart(2, "0")}`
      : String(Number(x.toPrecision(digits)));
    return (Object.is(x, -0) ? "-0" : plain).replaceAll("-", "−");
  }

  // With as many digits as there is room for.
  const wide = matchMedia("(min-width: 64rem)");
  const short = (x) => [3, 2, 1].map((digits) => written(x, digits))
    .find((text, i) => i === 2 || text.length <= (wide.matches ? 7 : 6));

  function summary({ data }) {
    let low = Infinity, high = -Infinity, total = 0;
    for (const v of data) { low = Math.min(low, v); high = Math.max(high, v); total += v; }
    let mean = total / data.length;
    if (Math.abs(mean) < 1e-13 * Math.max(-low, high)) mean = 0;
    return [low, mean, high];
  }

  function lines(x) {
    if (x.data.length === 1) return [written(x.data[0])];
    const [low, mean, high] = summary(x);
    return Number.isNaN(low) ? ["NaN"] : [`min ${written(low)}`, `mean ${written(mean)}`, `max ${written(high)}`];
  }

  // --- the state: what is given, what follows from it ---
  const initial = model.inputs.map(({ shape, data }) => np.array(shape, data));
  let given = [...initial], all = [], history = [], steps = 0, example = model.examples ? 0 : -1, failed = "";

  function compute() {
    try {
      all = [...given, ...run(given)];
      failed = "";
    } catch (error) {
      failed = String(error.message);
    }
  }

  compute();
  const current = () => all[model.cost].data[0];
  const trained = model.inputs.flatMap((input, i) => (input.trained ? [i] : []));

  function changed(i, at, value) {
    const data = given[i].data.slice();
    data[at] = model.inputs[i].float32 ? Math.fround(value) : value;
    given[i] = np.array(given[i].shape, data);
  }

  const rate = () => 10 ** Number(find("rate").value);

  function descend() {
    compute();  // what has changed since the last frame
    const alpha = rate();
    for (const i of trained) {
      const g = all[model.inputs[i].gradient];
      const moved = np.each((v, d) => v - alpha * d, given[i], g);
      given[i] = model.inputs[i].float32 ? np.rounded(moved) : moved;
    }
    steps += 1;
  }

  function show(which) {
    const count = model.examples?.count ?? 0;
    if (!count) return;
    example = ((which % count) + count) % count;
    for (const { input, data } of model.examples.inputs) given[input] = np.array(given[input].shape, data[example]);
  }

  // The cost with each example in turn.
  function mean() {
    let total = 0;
    for (let k = 0; k < model.examples.count; k++) {
      const values = [...given];
      for (const { input, data } of model.examples.inputs) values[input] = np.array(given[input].shape, data[k]);
      total += forward(values)[0].data[0];
    }
    return total / model.examples.count;
  }

  // --- the picture, which is never shown so small that nobody can read it ---
  const stage = find("stage"), picture = stage.querySelector("svg"), texts = [];
  const drawn = Number(picture.getAttribute("viewBox").split(/\s+/)[2]);
  Object.assign(picture.style, { minWidth: `${SMALLEST * drawn}px`, maxWidth: `${LARGEST * drawn}px` });

  // A line that changes; what is too long for the box around it is written smaller.
  function writes(element, text) {
    const size = Number(element.getAttribute("font-size")), box = element.parentElement.querySelector("path").getBBox();
    const inside = element.matches(".value, .gradient") ? Math.floor(box.width / (NARROW * size)) : 0;
    const room = Math.max(element.textContent.length, inside, 12);
    let fits = size.toFixed(1);
    texts.push(() => {
      const now = text();
      if (element.textContent === now) return;
      element.textContent = now;
      const fitting = Math.min(size, (size * room) / now.length).toFixed(1);
      if (fitting !== fits) element.setAttribute("font-size", fits = fitting);
    });
  }

  function gradientLines(node) {
    const numbers = lines(all[node.gradient]), { symbol, uses } = node;
    if (uses.length < 2) return numbers.length === 1 ? [`${symbol} = ${numbers[0]}`] : [symbol, ...numbers];
    if (all[node.gradient].data.length === 1 && uses.length <= 4) {
      const terms = uses.map((use) => written(all[use].data[0])).map((t) => (t[0] === "−" ? `(${t})` : t));
      return [`${symbol} =`, `Σ (${terms.join(" + ")}) = ${numbers[0]}`];
    }
    return [`${symbol} = Σ of ${uses.length} paths`, ...numbers];
  }

  function writesAll(elements, text) {
    elements.forEach((element, i) => writes(element, () => {
      const now = text();
      return elements.length === 1 && now.length > 1 ? now.join("  ") : now[i] ?? "";
    }));
  }

  for (const node of model.nodes) {
    const group = find(node.id);
    if (!group) continue;
    writesAll([...group.querySelectorAll("text.value")], () => lines(all[node.value]));
    if (node.gradient !== null) writesAll([...group.querySelectorAll("text.gradient")], () => gradientLines(node));
  }
  for (const { id, share } of model.edges) {
    const found = [...(find(id)?.querySelectorAll("text") ?? [])];
    const shown = () => {
      const numbers = lines(all[share]);
      return numbers.length > 1 ? ["contributes", ...numbers] : [`contributes ${numbers[0]}`];
    };
    writesAll(found.slice(-shown().length), shown);
  }
  for (const title of stage.querySelectorAll(".node > title, .edge > title")) {  // without the numbers, which change
    const told = title.textContent.split("\n");
    title.textContent = told.filter((line, i) => i === 0 || !/^(value|∂.*|contributes to .*): /u.test(line)).join("\n");
  }

  // --- inputs and parameters: a cell for every number, with its gradient below ---
  const cells = [];
  let chosen = null, firstly = null;

  function panel(input, i) {
    const columns = input.shape.length > 1 ? input.shape.at(-1) : input.shape.length ? Math.min(input.shape[0], 8) : 1;
    const grid = make("div", { className: "grid" });
    grid.style.setProperty("--columns", columns);
    const title = make("h3", {}, input.name, " ", make("span", {}, input.shape.join("×") || "number"));
    const section = make("section", { className: input.trained ? "parameter" : "input" }, title);
    section.dataset.node = input.id;
    if (input.size > MOST_CELLS) {
      const told = make("p", { className: "about" });
      texts.push(() => { told.textContent = lines(given[i]).join("  "); });
      section.append(told);
    } else section.append(grid);
    for (let at = 0; at < input.size && input.size <= MOST_CELLS; at++) grid.append(cell(input, i, at));
    return section;
  }

  function label(input, at) {
    const place = [];
    for (let axis = input.shape.length - 1, rest = at; axis >= 0; axis--) {
      place.unshift((rest % input.shape[axis]) + 1);
      rest = Math.floor(rest / input.shape[axis]);
    }
    return place.length && input.size > 1 ? `${input.name}[${place.join(", ")}]` : input.name;
  }

  function cell(input, i, at) {
    const name = label(input, at), field = make("input", { type: "text", inputMode: "decimal", autocomplete: "off" });
    field.setAttribute("aria-label", name);
    const below = make("span", { className: "slope" }), whole = make("div", { className: "cell" }, field, below);
    const own = { i, at, name, field, whole };
    field.addEventListener("focus", () => { choose(own); field.value = String(given[i].data[at]); field.select(); });
    field.addEventListener("blur", () => { field.value = short(given[i].data[at]); });
    field.addEventListener("input", () => {
      const value = Number(field.value.replaceAll("−", "-").replace(",", "."));
      const valid = field.value.trim() !== "" && Number.isFinite(value);
      field.setAttribute("aria-invalid", !valid);
      if (valid) set(i, at, value);
    });
    field.addEventListener("keydown", (event) => {
      const sign = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!sign) return;
      event.preventDefault();
      set(i, at, Number((given[i].data[at] + sign * (event.shiftKey ? 1 : 0.1)).toPrecision(12)));
      field.value = String(given[i].data[at]);
    });
    scrub(own);
    firstly ??= () => choose(own);
    cells.push(() => {
      const value = given[i].data[at];
      if (document.activeElement !== field) {
        const now = short(value);
        if (field.value !== now) field.value = now;
      }
      const heat = Math.round((Math.min(Math.abs(value), 3) / 3) * 60);
      const tint = `${value < 0 ? "var(--cold)" : "var(--warm)"} ${heat}%`;
      if (own.tint !== tint) {
        own.tint = tint;
        whole.style.setProperty("--tint", `color-mix(in srgb, ${tint}, transparent)`);
      }
      const slope = input.gradient === null ? "" : short(all[input.gradient].data[at]);
      if (below.textContent !== slope) below.textContent = slope;
    });
    return whole;
  }

  function scrub({ i, at, field, whole }) {  // a horizontal drag across a cell moves its number
    let from = null;
    whole.addEventListener("pointerdown", (event) => { from = { x: event.clientX, value: given[i].data[at] }; });
    whole.addEventListener("pointermove", (event) => {
      if (!from || !event.buttons || Math.abs(event.clientX - from.x) < 4) return;
      if (!whole.hasPointerCapture(event.pointerId)) {
        whole.setPointerCapture(event.pointerId);
        field.focus();
      }
      set(i, at, Number((from.value + (event.clientX - from.x) / 100).toFixed(4)));
      field.value = String(given[i].data[at]);
    });
    for (const end of ["pointerup", "pointercancel"]) whole.addEventListener(end, () => { from = null; });
  }

  function choose(own) {
    chosen?.whole.classList.remove("chosen");
    chosen = own;
    own.whole.classList.add("chosen");
    const slider = find("slider"), value = given[own.i].data[own.at], reach = Math.max(3, 2 * Math.abs(value));
    Object.assign(slider, { disabled: false, min: -reach, max: reach });
    slider.value = value;
    slider.setAttribute("aria-label", own.name);
    light(model.inputs[own.i].id);
    paintChosen();
  }

  function paintChosen() {
    if (!chosen) return;
    const value = given[chosen.i].data[chosen.at];
    find("name").textContent = `${chosen.name} = ${written(value)}`;
    if (document.activeElement !== find("slider")) find("slider").value = value;
  }

  // --- numbers beside the formulas ---
  for (const place of document.querySelectorAll("#formulas output")) {
    const slot = Number(place.dataset.slot), { shape, data: { length: size } } = all[slot];
    if (size > FEW) {
      place.className = "summary";
      texts.push(() => { place.textContent = lines(all[slot]).join("  "); });
      continue;
    }
    place.style.setProperty("--columns", shape.length > 1 ? shape.at(-1) : Math.max(size, 1));
    place.classList.toggle("matrix", size > 1);
    const spans = Array.from({ length: size }, () => make("span"));
    place.append(...spans);
    spans.forEach((span, i) => texts.push(() => {
      const now = written(all[slot].data[i]);
      if (span.textContent !== now) span.textContent = now;
    }));
  }

  function light(id) {
    for (const part of document.querySelectorAll(".lit")) part.classList.remove("lit");
    find(id)?.classList.add("lit");
    for (const row of document.querySelectorAll(`[data-node="${CSS.escape(id)}"]`)) row.classList.add("lit");
  }

  stage.addEventListener("click", (event) => {
    const id = event.target.closest(".node")?.id;
    if (!id) return;
    light(id);
    const rows = [...document.querySelectorAll(`[data-node="${CSS.escape(id)}"]`)];
    rows[0]?.scrollIntoView({ block: "nearest" });
    rows.find((row) => row.matches("section"))?.querySelector("input")?.focus({ preventScroll: true });
  });

  // --- drawing everything ---
  let waiting = 0;

  function paint() {
    for (const write of texts) write();
    for (const write of cells) write();
    paintChosen();
    find("value").textContent = written(current(), 5);
    find("counter").textContent = `step ${steps}`;
    find("alpha").textContent = written(rate(), 2);
    find("status").textContent = failed;
    if (model.examples) {
      find("example").textContent = `example ${example + 1} of ${model.examples.count}`;
      find("mean").querySelector("output").textContent = written(history.at(-1), 4);
    }
    paintCurve();
  }

  function paintCurve() {
    const finite = history.filter(Number.isFinite), low = Math.min(...finite), height = Math.max(...finite) - low;
    const points = history.map((v, i) => {
      const y = Number.isFinite(v) ? 57 - 54 * (height > 0 ? (v - low) / height : 0.5) : 3;
      return `${((300 * i) / Math.max(history.length - 1, 1)).toFixed(1)},${y.toFixed(1)}`;
    });
    find("curve").querySelector("polyline").setAttribute("points", points.join(" "));
  }

  function update() {
    waiting = 0;
    compute();
    const value = model.examples ? mean() : current();
    history.push(value);
    if (history.length > LONGEST_HISTORY) history = history.filter((_, i) => i % 2 === 0);
    paint();
  }

  const soon = () => { waiting ||= requestAnimationFrame(update); };

  function set(i, at, value) {
    changed(i, at, value);
    soon();
  }

  // --- the controls ---
  let timer = 0;

  function step() {
    descend();
    update();
  }

  function pause() {
    clearInterval(timer);
    timer = 0;
    find("play").textContent = "Play";
    find("play").setAttribute("aria-pressed", "false");
  }

  function toggle() {
    if (timer) return pause();
    timer = setInterval(() => {
      if (model.examples) show(example + 1);
      step();
    }, 1000 / STEPS_A_SECOND);
    find("play").textContent = "Pause";
    find("play").setAttribute("aria-pressed", "true");
  }

  function turn(by) {
    show(example + by);
    soon();
  }

  function reset() {
    pause();
    given = [...initial];
    history = [];
    steps = 0;
    example = model.examples ? 0 : -1;
    update();
  }

  find("step").addEventListener("click", step);
  find("play").addEventListener("click", toggle);
  find("reset").addEventListener("click", reset);
  find("previous").addEventListener("click", () => turn(-1));
  find("next").addEventListener("click", () => turn(1));
  find("rate").addEventListener("input", paint);
  find("slider").addEventListener("input", () => { if (chosen) set(chosen.i, chosen.at, Number(find("slider").value)); });
  addEventListener("keydown", (event) => {
    if (event.target.closest("input") || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === " " && event.target.closest("button")) return;
    const moves = { s: step, " ": toggle };
    if (model.examples) Object.assign(moves, { ArrowLeft: () => turn(-1), ArrowRight: () => turn(1) });
    if (!Object.hasOwn(moves, event.key) || event.target === stage) return;
    event.preventDefault();
    moves[event.key]();
  });

  // --- start ---
  find("panels").append(...model.inputs.map(panel));
  find("examples").hidden = find("mean").hidden = !model.examples;
  document.documentElement.classList.add("live");
  update();
  firstly?.();
  window.living = { update, set, step, arrays: () => all };
})();
