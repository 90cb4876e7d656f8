// The formulas' numbers, the cost, the controls; everything is drawn at most once a frame.
(() => {
  "use strict";
  const FEW = 24, STEPS_A_SECOND = 20;
  const { written, lines } = numbers;
  const find = (id) => document.getElementById(id);

  // --- numbers beside the formulas, as far as they are on the screen ---
  const rows = new Map();
  const watch = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      rows.get(target).visible = isIntersecting;
      if (isIntersecting) rows.get(target).writes.forEach((write) => write());
    }
  }, { rootMargin: "50px" });

  for (const place of document.querySelectorAll("#formulas output")) {
    const slot = Number(place.dataset.slot), { shape, data: { length: size } } = state.all[slot], writes = [];
    const summed = size > FEW, spans = summed ? [place] : Array.from({ length: size }, () => document.createElement("span"));
    if (!summed) place.append(...spans);
    place.className = summed ? "summary" : size > 1 ? "matrix" : "";
    place.style.setProperty("--columns", shape.length > 1 ? shape.at(-1) : Math.max(size, 1));
    spans.forEach((span, i) => writes.push(() => {
      const now = summed ? lines(state.all[slot]).join("  ") : written(state.all[slot].data[i]);
      if (span.textContent !== now) span.textContent = now;
    }));
    rows.set(place, { visible: true, writes });
    watch.observe(place);
  }

  // --- drawing ---
  let waiting = 0;

  const writeRows = (all) => {
    for (const { visible, writes } of rows.values()) if (all || visible) for (const write of writes) write();
  };

  function paint() {
    for (const write of [...picture.writes, ...panels.writes]) write();
    writeRows(false);
    find("value").textContent = written(state.cost(), 5);
    find("counter").textContent = `step ${state.steps}`;
    find("alpha").textContent = written(rate(), 2);
    find("status").textContent = state.failed;
    if (model.examples) {
      find("example").textContent = `example ${state.example + 1} of ${model.examples.count}`;
      find("mean").querySelector("output").textContent = written(state.history.at(-1));
    }
    paintCurve();
  }

  function paintCurve() {
    const finite = state.history.filter(Number.isFinite), low = Math.min(...finite), height = Math.max(...finite) - low;
    const points = state.history.map((v, i) => {
      const y = Number.isFinite(v) ? 57 - 54 * (height > 0 ? (v - low) / height : 0.5) : 3;
      return `${((300 * i) / Math.max(state.history.length - 1, 1)).toFixed(1)},${y.toFixed(1)}`;
    });
    find("curve").querySelector("polyline").setAttribute("points", points.join(" "));
  }

  function update() {
    cancelAnimationFrame(waiting);
    waiting = 0;
    state.compute();
    state.record();
    paint();
  }

  const soon = () => { waiting ||= requestAnimationFrame(update); };

  // --- the controls ---
  const rate = () => 10 ** Number(find("rate").value);
  let timer = 0;

  function step() {
    state.descend(rate());
    update();
  }

  function turn(by) {
    state.turn(by);
    soon();
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
      state.turn(1);
      step();
    }, 1000 / STEPS_A_SECOND);
    find("play").textContent = "Pause";
    find("play").setAttribute("aria-pressed", "true");
  }

  function reset() {
    pause();
    state.reset();
    update();
  }

  find("step").addEventListener("click", step);
  find("play").addEventListener("click", toggle);
  find("reset").addEventListener("click", reset);
  find("previous").addEventListener("click", () => turn(-1));
  find("next").addEventListener("click", () => turn(1));
  find("rate").addEventListener("input", paint);
  addEventListener("beforeprint", () => writeRows(true));
  addEventListener("keydown", (event) => {
    if (event.target.closest("input") || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === " " && event.target.closest("button")) return;
    const turns = model.examples ? { ArrowLeft: () => turn(-1), ArrowRight: () => turn(1) } : {};
    const moves = { s: step, " ": toggle, ...turns };
    if (!Object.hasOwn(moves, event.key) || event.target.id === "stage") return;
    event.preventDefault();
    moves[event.key]();
  });

  // --- start ---
  find("examples").hidden = find("mean").hidden = !model.examples;
  document.documentElement.classList.add("live");
  state.changed = soon;
  update();
  window.living = { update, step, set: state.set, arrays: () => state.all };
})();
