"use strict";
// The button that turns a page dark or light. A page follows the reader's system until the button was used.
{
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const remembered = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem("theme", theme); } catch { /* a browser may forbid it */ } };
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  const label = () => { button.textContent = isDark() ? "☀ Light" : "☾ Dark"; };

  if (["dark", "light"].includes(remembered())) root.dataset.theme = remembered();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
    label();
  });
  system.addEventListener("change", label);
  label();
  button.hidden = false;
}
// The buttons that make the pictures larger and smaller; at first they fit, as long as they can be read.
{
  const zoom = document.querySelector(".zoom");
  const pictures = [...document.querySelectorAll(".canvas > svg")];
  let scale = 1;
  const resize = (wanted) => {
    scale = Math.min(3, Math.max(0.05, wanted));
    for (const svg of pictures) {
      svg.style.width = `${svg.viewBox.baseVal.width * scale}px`;
      svg.style.height = `${svg.viewBox.baseVal.height * scale}px`;
    }
  };
  const fitting = () => Math.min(1, ...pictures.map((svg) => svg.parentElement.clientWidth / svg.viewBox.baseVal.width));
  zoom?.addEventListener("click", ({ target }) => {
    const wanted = { out: scale * 0.8, in: scale * 1.25, fit: fitting() }[target.dataset.zoom];
    if (wanted) resize(wanted);
  });
  if (zoom) resize(Math.max(0.6, fitting()));
}
// Everything that is folded up is printed, too.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details:not([open])")) {
    folded.open = true;
    addEventListener("afterprint", () => { folded.open = false; }, { once: true });
  }
});
