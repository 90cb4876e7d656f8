
"use strict";

// Bring the steps in `root` to life, from step `start`. `keys` listens to keys; `moved` hears of every step.
function stepThrough(root, keys, start, moved) {
  const find = (id) => root.getElementById(id);
  const steps = [...root.querySelectorAll(".step")];
  const links = [...root.querySelectorAll("#outline a")];
  const stage = find("stage"), slider = find("slider"), search = find("search");
  const svg = stage.querySelector("svg");
  const overview = find("overview"), seen = overview.querySelector("rect");
  const parts = [...svg.querySelectorAll(".node, .edge")].map((part) => [part.id, part]);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const PAUSE = 2200, GLIDE = 300, CLOSEST = 4, LEGIBLE = 0.75;
  let now = 0, timer = 0;

  // --- the steps ---
  const ids = (step, key) => step.dataset[key].split(" ").filter(Boolean);

  function paint() {
    const soFar = (key) => new Set(steps.slice(0, now).flatMap((step) => ids(step, key)));
    const here = (key) => new Set(ids(steps[now - 1], key));
    const states = {
      valued: soFar("value"), differentiated: soFar("gradient"), passed: soFar("edges"),
      at: here("at"), read: here("reads"), along: here("edges"),
    };
    for (const [id, part] of parts)
      for (const state in states) part.classList.toggle(state, states[state].has(id));
    const returning = !steps[now - 1].matches(".given, .forward");
    for (const picture of [svg, overview]) picture.classList.toggle("returning", returning);
  }

  function show(wanted) {
    const next = Math.min(Math.max(Math.trunc(wanted) || 1, 1), steps.length);
    if (next === now) return;
    now = next;
    steps.forEach((step, i) => step.classList.toggle("current", i === now - 1));
    links.forEach((link) => link.removeAttribute("aria-current"));
    links[now - 1].setAttribute("aria-current", "step");
    const list = links[now - 1].closest("ol"), item = links[now - 1].parentElement;
    list.scrollTop = item.offsetTop - list.offsetTop - list.clientHeight / 2;
    find("steps").scrollTop = 0;
    slider.value = now;
    slider.setAttribute("aria-valuetext", `${now} of ${steps.length}: ${links[now - 1].textContent}`);
    find("counter").textContent = `${now} / ${steps.length}`;
    find("caption").textContent = steps[now - 1].querySelector(".caption").textContent;
    find("back").disabled = now === 1;
    find("next").disabled = now === steps.length;
    paint();
    follow();
    moved(now);
    if (now === steps.length) pause();
  }

  function pause() {
    clearInterval(timer);
    timer = 0;
    find("play").textContent = "Play";
  }

  function toggle() {
    if (timer) return pause();
    if (now === steps.length) show(1);
    timer = setInterval(() => show(now + 1), PAUSE);
    find("play").textContent = "Pause";
  }

  const go = (wanted) => { pause(); show(wanted); };

  // --- pan and zoom: the picture's point (view.x, view.y) is in the middle of the stage ---
  const [left, top, width, height] = svg.getAttribute("viewBox").split(/\s+/).map(Number);
  const view = { x: 0, y: 0, scale: 0 };
  let gliding = 0, mode = "follow";  // or "whole" or "own", once the reader has asked for it

  const fitting = () => Math.min(stage.clientWidth / width, stage.clientHeight / height);
  const within = (value, low, high) => (low > high ? (low + high) / 2 : Math.min(Math.max(value, low), high));

  function place() {
    if (!stage.clientWidth) return;  // not on the page yet
    view.scale = within(view.scale, Math.min(fitting(), 1), CLOSEST);
    const w = stage.clientWidth / view.scale, h = stage.clientHeight / view.scale;
    view.x = within(view.x, w / 2, width - w / 2);
    view.y = within(view.y, h / 2, height - h / 2);
    const x = stage.clientWidth / 2 - view.x * view.scale, y = stage.clientHeight / 2 - view.y * view.scale;
    svg.style.transform = `translate(${x}px, ${y}px) scale(${view.scale})`;
    overview.toggleAttribute("hidden", view.scale <= fitting() * 1.01);
    const shown = { x: left + view.x - w / 2, y: top + view.y - h / 2, width: w, height: h };
    for (const key in shown) seen.setAttribute(key, shown[key]);
  }

  function glide(to) {
    cancelAnimationFrame(gliding);
    const from = { ...view }, start = performance.now();
    const frame = (time) => {
      const t = calm.matches ? 1 : Math.min(Math.max((time - start) / GLIDE, 0), 1), eased = t * (2 - t);
      for (const key in to) view[key] = from[key] + (to[key] - from[key]) * eased;
      place();
      if (t < 1) gliding = requestAnimationFrame(frame);
    };
    frame(start);
  }

  // The box of the one node that a step is at, if it is at one.
  function current() {
    const boxes = ids(steps[now - 1], "at").map(find).filter(Boolean).map((node) => node.getBoundingClientRect());
    return boxes.length === 1 ? boxes[0] : null;
  }

  function centre(box) {
    const frame = stage.getBoundingClientRect();
    const x = (box.left + box.right) / 2 - (frame.left + frame.right) / 2;
    const y = (box.top + box.bottom) / 2 - (frame.top + frame.bottom) / 2;
    return { x: view.x + x / view.scale, y: view.y + y / view.scale };
  }

  // All of the picture; where that is too small to read, what the step is about.
  function aim() {
    const box = mode === "follow" && now && fitting() < LEGIBLE ? current() : null;
    return box ? { ...centre(box), scale: LEGIBLE } : { x: width / 2, y: height / 2, scale: fitting() };
  }

  function follow() {
    if (!view.scale) return;  // not on the page yet
    if (mode !== "own") return glide(aim());
    const frame = stage.getBoundingClientRect(), box = current(), edge = 24;
    if (!box) return;
    const inside = box.left >= frame.left + edge && box.right <= frame.right - edge
      && box.top >= frame.top + edge && box.bottom <= frame.bottom - edge;
    if (!inside) glide(centre(box));
  }

  function zoom(factor, clientX, clientY) {
    const frame = stage.getBoundingClientRect();
    const dx = (clientX ?? (frame.left + frame.right) / 2) - (frame.left + frame.right) / 2;
    const dy = (clientY ?? (frame.top + frame.bottom) / 2) - (frame.top + frame.bottom) / 2;
    const before = view.scale;
    mode = "own";
    view.scale = within(before * factor, Math.min(fitting(), 1), CLOSEST);
    view.x += dx / before - dx / view.scale;
    view.y += dy / before - dy / view.scale;
    place();
  }

  function whole() {
    cancelAnimationFrame(gliding);
    Object.assign(view, { x: width / 2, y: height / 2, scale: fitting() });
    place();
  }

  const held = new Map();
  let dragged = false;
  const spread = () => {
    const [a, b] = [...held.values()];
    return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button")) return;
    held.set(event.pointerId, event);
    dragged = false;
  });
  const gone = new AbortController(), always = { signal: gone.signal };
  addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const gap = held.size === 2 ? spread() : 0;
    held.set(event.pointerId, event);
    if (gap) return zoom(spread() / gap);
    const dx = event.clientX - before.clientX, dy = event.clientY - before.clientY;
    dragged ||= Math.abs(dx) + Math.abs(dy) > 2;
    stage.classList.add("held");
    view.x -= dx / view.scale;
    view.y -= dy / view.scale;
    place();
  }, always);
  const release = (event) => {
    held.delete(event.pointerId);
    stage.classList.remove("held");
  };
  addEventListener("pointerup", release, always);
  addEventListener("pointercancel", release, always);
  stage.addEventListener("wheel", (event) => {
    const scrolls = document.documentElement.scrollHeight > innerHeight;
    if (scrolls && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
  }, { passive: false });
  stage.addEventListener("click", (event) => {
    const node = event.target.closest(".node");
    if (!node || dragged) return;
    const own = (step) => ids(step, "at").includes(node.id);
    const later = steps.findIndex((step, i) => i >= now && own(step));
    go((later < 0 ? steps.findIndex(own) : later) + 1 || now);
  });

  // --- buttons, keys, search ---
  find("back").addEventListener("click", () => go(now - 1));
  find("next").addEventListener("click", () => go(now + 1));
  find("play").addEventListener("click", toggle);
  find("closer").addEventListener("click", () => zoom(1.3));
  find("farther").addEventListener("click", () => zoom(1 / 1.3));
  find("whole").addEventListener("click", () => {
    mode = "whole";
    whole();
  });
  slider.addEventListener("input", () => go(Number(slider.value)));
  links.forEach((link, i) => link.addEventListener("click", (event) => {
    event.preventDefault();
    go(i + 1);
  }));

  keys.addEventListener("keydown", (event) => {
    if (event.target === search || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === " " && event.target.closest("button, a")) return;
    const moves = {
      ArrowLeft: () => go(now - 1), ArrowRight: () => go(now + 1), " ": toggle,
      Home: () => go(1), End: () => go(steps.length),
    };
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    moves[event.key]();
  });

  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    const hits = links.filter((link) => {
      const hit = link.textContent.toLowerCase().includes(wanted);
      link.parentElement.hidden = !hit;
      return hit;
    });
    find("found").textContent = wanted ? `${hits.length} of ${links.length} steps` : "";
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const hits = links.map((_, i) => i + 1).filter((n) => !links[n - 1].parentElement.hidden);
    if (hits.length) go(hits.find((n) => n > now) ?? hits[0]);
  });

  // --- start ---
  const sizes = new ResizeObserver(() => {
    if (mode === "own") return place();
    whole();
    if (view.scale) Object.assign(view, aim());
    place();
  });
  svg.style.width = `${width}px`;
  svg.style.height = `${height}px`;
  overview.setAttribute("viewBox", svg.getAttribute("viewBox"));
  for (const drawn of svg.querySelectorAll(":scope > g")) {
    const small = overview.insertBefore(drawn.cloneNode(true), seen);
    for (const words of small.querySelectorAll("text, title")) words.remove();
    for (const part of small.querySelectorAll("[id]")) {
      parts.push([part.id, part]);
      part.removeAttribute("id");
    }
    small.removeAttribute("id");
  }
  whole();
  show(start);
  sizes.observe(stage);

  function end() {
    pause();
    gone.abort();
    sizes.disconnect();
  }
  return { go, end };
}
