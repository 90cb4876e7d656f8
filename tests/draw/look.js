// What a reader meets on a page: texts that overlap, texts that are cut off, a page that is too wide, the smallest text
// in pixels, and the smallest contrast of a text with what is behind it.
const seen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });

// The part of a box that the boxes around it let through; `cut` if one that does not scroll takes some of it.
function visible(element, box) {
  let { left, right, top, bottom } = box, cut = false;
  for (let at = element; at && at !== document.documentElement; at = at.parentElement) {
    const { overflowX, overflowY, position } = getComputedStyle(at);
    if (overflowX === "visible" && overflowY === "visible") continue;
    if (at.tagName === "svg") continue;
    const frame = at.getBoundingClientRect();
    const lost = Math.max(frame.left - left, right - frame.right, 0) * (overflowX === "hidden")
      + Math.max(frame.top - top, bottom - frame.bottom, 0) * (overflowY === "hidden");
    cut ||= lost > 2;
    [left, right] = [Math.max(left, frame.left), Math.min(right, frame.right)];
    [top, bottom] = [Math.max(top, frame.top), Math.min(bottom, frame.bottom)];
  }
  return { left, right, top, bottom, cut };
}

function texts() {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest("script, style, title, desc, noscript, option") || !seen(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      if (rect.width < 1 || rect.height < 1) continue;
      const spare = rect.height / 4;
      const ink = { left: rect.left + 0.5, right: rect.right - 0.5, top: rect.top + spare, bottom: rect.bottom - spare };
      const box = visible(element, ink);
      if (box.right - box.left > 1 && box.bottom - box.top > 1) found.push({ ...box, element, text: node.textContent.trim() });
      else if (box.cut) found.push({ ...box, element, text: node.textContent.trim(), gone: true });
    }
  }
  return found;
}

const size = (element) => {
  const own = parseFloat(getComputedStyle(element).fontSize), matrix = element.getScreenCTM?.();
  return matrix ? own * Math.hypot(matrix.a, matrix.b) : own;
};

// --- contrast, as WCAG defines it ---
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function rgb(color) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
}
const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);

function behind(element) {
  const shape = element.closest(".node, .cluster, .swatch")?.querySelector("path, rect");
  if (element.ownerSVGElement && shape && rgb(getComputedStyle(shape).fill)[3] > 0) return getComputedStyle(shape).fill;
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (rgb(color)[3] > 250) return color;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches && !matchMedia("print").matches ? "#0d1117" : "#ffffff";
}

function contrast(element) {
  const style = getComputedStyle(element), ink = element.ownerSVGElement ? style.fill : style.color;
  const [a, b] = [luminance(rgb(ink)), luminance(rgb(behind(element)))].sort((p, q) => q - p);
  return (a + 0.05) / (b + 0.05);
}

// What a browser would lay out only when one comes to it.
for (const element of document.querySelectorAll("*"))
  if (getComputedStyle(element).contentVisibility === "auto") element.style.contentVisibility = "visible";

const all = texts(), shown = all.filter((text) => !text.gone);
const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const overlaps = [];
shown.forEach((a, i) => shown.slice(i + 1).forEach((b) => {
  if (a.element !== b.element && meet(a, b)) overlaps.push(`${a.text} | ${b.text}`);
}));
const least = (measure) => shown.map((text) => [measure(text.element), text.text]).sort(([a], [b]) => a - b)[0] ?? [NaN, ""];
return {
  overlaps, cut: all.filter((text) => text.cut).map((text) => text.text),
  wider: Math.max(0, document.documentElement.scrollWidth - innerWidth), smallest: least(size), contrast: least(contrast),
};
