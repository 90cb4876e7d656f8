// Inputs and parameters: a cell for every number, with its gradient below, and a slider for the chosen one.
const panels = (() => {
  "use strict";
  const MOST = 256;
  const { written, short, lines } = numbers;
  const name = document.getElementById("name"), slider = document.getElementById("slider"), writes = [];
  let chosen = null;

  function made(tag, given = {}, ...children) {
    const element = Object.assign(document.createElement(tag), given);
    element.append(...children);
    return element;
  }

  function panel(input, i) {
    const { shape, size } = input, few = size <= MOST;
    const title = made("h3", {}, input.name, " ", made("span", {}, shape.join("×") || "number"));
    const inside = made(few ? "div" : "p", { className: few ? "grid" : "about" });
    inside.style.setProperty("--columns", shape.length > 1 ? shape.at(-1) : Math.min(Math.max(size, 1), 8));
    if (few) for (let at = 0; at < size; at++) inside.append(cell(input, i, at));
    else writes.push(() => { inside.textContent = lines(state.given[i]).join("  "); });
    const section = made("section", {}, title, inside);
    section.dataset.node = input.id;
    return section;
  }

  // W1[2, 3], counted from 1 as in the article.
  function label({ name, shape, size }, at) {
    const place = [];
    for (let axis = shape.length - 1, rest = at; axis >= 0; axis--) {
      place.unshift((rest % shape[axis]) + 1);
      rest = Math.floor(rest / shape[axis]);
    }
    return size > 1 ? `${name}[${place.join(", ")}]` : name;
  }

  function cell(input, i, at) {
    const field = made("input", { type: "text", inputMode: "decimal", autocomplete: "off" });
    const below = made("span", { className: "slope" }), whole = made("div", { className: "cell" }, field, below);
    const own = { i, at, field, whole, name: label(input, at), tint: "" };
    field.setAttribute("aria-label", own.name);
    type(own);
    drag(own);
    writes.push(() => paint(own, below, input.gradient));
    if (chosen === null) chosen = own;
    return whole;
  }

  function paint(own, below, gradient) {
    const value = state.number(own.i, own.at), now = short(value);
    if (document.activeElement !== own.field && own.field.value !== now) own.field.value = now;
    const heat = Math.round((Math.min(Math.abs(value), 3) / 3) * 60);
    const tint = `color-mix(in srgb, var(--${value < 0 ? "cold" : "warm"}) ${heat}%, transparent)`;
    if (own.tint !== tint) own.whole.style.setProperty("--tint", own.tint = tint);
    const slope = gradient === null ? "" : short(state.all[gradient].data[own.at]);
    if (below.textContent !== slope) below.textContent = slope;
  }

  function type(own) {
    const { i, at, field } = own;
    field.addEventListener("focus", () => {
      choose(own);
      field.value = String(state.number(i, at));
      field.select();
    });
    field.addEventListener("blur", () => { field.value = short(state.number(i, at)); });
    field.addEventListener("input", () => {
      const value = Number(field.value.replaceAll("−", "-").replace(",", "."));
      const valid = field.value.trim() !== "" && Number.isFinite(value);
      field.setAttribute("aria-invalid", !valid);
      if (valid) state.set(i, at, value);
    });
    field.addEventListener("keydown", (event) => {
      const sign = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!sign) return;
      event.preventDefault();
      move(own, Number((state.number(i, at) + sign * (event.shiftKey ? 1 : 0.1)).toPrecision(12)));
    });
  }

  // A horizontal drag across a cell moves its number.
  function drag(own) {
    const { i, at, field, whole } = own;
    let from = null;
    whole.addEventListener("pointerdown", (event) => { from = { x: event.clientX, value: state.number(i, at) }; });
    whole.addEventListener("pointermove", (event) => {
      if (!from || !event.buttons || Math.abs(event.clientX - from.x) < 4) return;
      if (!whole.hasPointerCapture(event.pointerId)) {
        whole.setPointerCapture(event.pointerId);
        field.focus();
      }
      move(own, Number((from.value + (event.clientX - from.x) / 100).toFixed(4)));
    });
    for (const end of ["pointerup", "pointercancel"]) whole.addEventListener(end, () => { from = null; });
  }

  function move({ i, at, field }, value) {
    state.set(i, at, value);
    field.value = String(state.number(i, at));
  }

  function choose(own) {
    chosen?.whole.classList.remove("chosen");
    chosen = own;
    own.whole.classList.add("chosen");
    const value = state.number(own.i, own.at), reach = Math.max(3, 2 * Math.abs(value));
    Object.assign(slider, { disabled: false, min: -reach, max: reach, value });
    slider.setAttribute("aria-label", own.name);
    picture.light(model.inputs[own.i].id);
    paintChosen();
  }

  function paintChosen() {
    if (chosen === null) return;
    const value = state.number(chosen.i, chosen.at);
    name.textContent = `${chosen.name} = ${written(value)}`;
    if (document.activeElement !== slider) slider.value = value;
  }

  slider.addEventListener("input", () => state.set(chosen.i, chosen.at, Number(slider.value)));
  document.getElementById("panels").append(...model.inputs.map(panel));
  writes.push(paintChosen);
  if (chosen !== null) choose(chosen);
  return { writes };
})();
