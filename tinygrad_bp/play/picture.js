// The picture: its numbers follow, and it is never shown so small that nobody can read it.
const picture = (() => {
  "use strict";
  const SMALLEST = 0.68, LARGEST = 1.1, NARROW = 0.56;
  const { written, lines } = numbers;
  const stage = document.getElementById("stage"), svg = stage.querySelector("svg"), writes = [];
  const [, , width, height] = svg.getAttribute("viewBox").split(/\s+/).map(Number);
  Object.assign(svg.style, {
    minWidth: `${SMALLEST * width}px`, maxWidth: `${LARGEST * width}px`, maxHeight: `max(75vh, ${SMALLEST * height}px)`,
  });

  // A line that changes; what is too long for the box around it is written smaller.
  function follow(element, text) {
    const size = Number(element.getAttribute("font-size")), box = element.parentElement.querySelector("path").getBBox();
    const inside = element.matches(".value, .gradient") ? Math.floor(box.width / (NARROW * size)) : 0;
    const room = Math.max(element.textContent.length, inside, 12);
    let fits = size.toFixed(1);
    writes.push(() => {
      const now = text();
      if (element.textContent === now) return;
      element.textContent = now;
      const fitting = Math.min(size, (size * room) / now.length).toFixed(1);
      if (fitting !== fits) element.setAttribute("font-size", fits = fitting);
    });
  }

  function followAll(elements, text) {
    const line = (now, i) => (elements.length === 1 ? now.join("  ") : now[i] ?? "");
    elements.forEach((element, i) => follow(element, () => line(text(), i)));
  }

  function gradient({ gradient, symbol, uses }) {
    const found = lines(state.all[gradient]);
    if (uses.length < 2) return found.length === 1 ? [`${symbol} = ${found[0]}`] : [symbol, ...found];
    if (state.all[gradient].data.length === 1 && uses.length <= 4) {
      const terms = uses.map((use) => written(state.all[use].data[0])).map((t) => (t[0] === "−" ? `(${t})` : t));
      return [`${symbol} =`, `Σ (${terms.join(" + ")}) = ${found[0]}`];
    }
    return [`${symbol} = Σ of ${uses.length} paths`, ...found];
  }

  function contribution(share) {
    const found = lines(state.all[share]);
    return found.length > 1 ? ["contributes", ...found] : [`contributes ${found[0]}`];
  }

  state.compute();
  for (const node of model.nodes) {
    const inside = (kind) => [...stage.querySelectorAll(`#${CSS.escape(node.id)} text.${kind}`)];
    followAll(inside("value"), () => lines(state.all[node.value]));
    if (node.gradient !== null) followAll(inside("gradient"), () => gradient(node));
  }
  for (const { id, share } of model.edges) {
    const words = [...stage.querySelectorAll(`#${CSS.escape(id)} text`)];
    followAll(words.slice(-contribution(share).length), () => contribution(share));
  }
  for (const title of stage.querySelectorAll(".node > title, .edge > title")) {  // without the numbers, which change
    const told = title.textContent.split("\n");
    title.textContent = told.filter((line, i) => i === 0 || !/^(value|∂.*|contributes to .*): /u.test(line)).join("\n");
  }

  const about = (id) => [...document.querySelectorAll(`[data-node="${CSS.escape(id)}"]`)];

  // Show where a value stands: in the picture, among the formulas, among the numbers.
  function light(id) {
    for (const part of document.querySelectorAll(".lit")) part.classList.remove("lit");
    for (const part of [document.getElementById(id), ...about(id)]) part?.classList.add("lit");
  }

  stage.addEventListener("click", (event) => {
    const id = event.target.closest(".node")?.id;
    if (!id) return;
    light(id);
    about(id)[0]?.scrollIntoView({ block: "nearest" });
    about(id).find((part) => part.matches("section"))?.querySelector("input")?.focus({ preventScroll: true });
  });

  return { writes, light };
})();
