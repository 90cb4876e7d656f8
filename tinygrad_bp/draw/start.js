// The page by itself: its address knows the step.
(() => {
  const fromAddress = () => Number(/^#step-(\d+)$/.exec(location.hash)?.[1] ?? 0);
  document.documentElement.classList.add("live");
  const { go } = stepThrough(document, window, fromAddress() || 1, (step) => {
    try { history.replaceState(null, "", `#step-${step}`); } catch { /* a frame without an address */ }
  });
  addEventListener("hashchange", () => { if (fromAddress()) go(fromAddress()); });
})();
