// The page: one exercise after the other, the verdict on what is typed, and its edge in the picture.
(() => {
  "use strict";
  const find = (id) => document.getElementById(id);
  const answer = find("answer"), stage = find("stage"), verdict = find("verdict");
  const items = [...document.querySelectorAll("#exercises li")];
  const right = new Set();
  let now = 0;

  // --- the picture ---
  const edges = model.edges.map(([source, target], i) => {
    const parts = ["backward", "forward"].map((way) => find(`e${i}-${way}`)).filter(Boolean);
    return { source, target, part: parts[0] };
  });

  // As large as it can still be read, then it scrolls.
  const SMALLEST = 0.85, LARGEST = 1.4;
  const svg = stage.querySelector("svg"), [, , width] = svg.getAttribute("viewBox").split(/\s+/).map(Number);
  Object.assign(svg.style, { minWidth: `${SMALLEST * width}px`, maxWidth: `${LARGEST * width}px` });

  function light(edge) {
    for (const { source, target, part } of edges)
      part?.classList.toggle("lit", edge !== null && source === edge[0] && target === edge[1]);
    reveal(stage.querySelector(".lit"));
  }

  function reveal(part) {
    if (!part) return;
    const frame = stage.getBoundingClientRect(), box = part.getBoundingClientRect();
    if (box.left < frame.left || box.right > frame.right)
      stage.scrollLeft += (box.left + box.right) / 2 - (frame.left + frame.right) / 2;
  }

  // --- what is said ---
  function say(message, { kind = "", text = "", where = null } = {}) {
    verdict.className = kind;
    const [start, end] = where ?? [text.length, text.length], mark = document.createElement("u");
    mark.textContent = text.slice(start, Math.max(end, start + 1)) || (where ? " " : "");
    find("typed").replaceChildren(text.slice(0, start), ...(where ? [mark] : []), text.slice(Math.max(end, start + 1)));
    find("message").textContent = message;
  }

  function show(wanted) {
    now = (wanted + items.length) % items.length;
    const { name, question } = model.exercises[now];
    find("question").textContent = `${question} =`;
    answer.value = "";
    find("help").textContent = "";
    say("");
    light(null);
    items.forEach((item, i) => {
      item.classList.toggle("now", i === now);
      item.querySelector("button").setAttribute("aria-pressed", i === now);
    });
    for (const [own, id] of model.nodes) find(id)?.classList.toggle("asked", own === name);
    reveal(stage.querySelector(".asked"));
    answer.focus({ preventScroll: true });
  }

  function judge() {
    const text = answer.value, { name } = model.exercises[now];
    if (!text.trim()) return;
    const found = diagnosis.check(name, text);
    say(found.message, { kind: found.right ? "right" : "wrong", text, where: found.where });
    light(found.edge);
    if (!found.right) return;
    right.add(now);
    items[now].classList.add("done");
    count();
    find("next").focus({ preventScroll: true });
  }

  const count = () => { find("count").textContent = `${right.size} of ${items.length} right`; };

  // --- buttons ---
  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    judge();
  });
  find("hint").addEventListener("click", () => { find("help").textContent = model.exercises[now].hint; });
  find("solution").addEventListener("click", () => { find("help").textContent = model.exercises[now].solution; });
  find("next").addEventListener("click", () => show(now + 1));
  items.forEach((item, i) => item.querySelector("button").addEventListener("click", () => show(i)));
  for (const sign of ["ᵀ", "⊙", "·", `∂${model.root}/∂`, "Σ", "²"]) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: sign });
    button.addEventListener("click", () => {
      answer.setRangeText(sign, answer.selectionStart, answer.selectionEnd, "end");
      answer.focus();
    });
    find("signs").append(button);
  }

  document.documentElement.classList.add("live");
  count();
  show(0);
})();
