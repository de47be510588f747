// Light or dark: as JupyterLab is, if the page is in one of its notebooks; else as the system is.

/** Take the theme on, now and whenever it changes; `changed` is told then. */
export function theme(changed) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const lab = notebook();
  function set() {
    const light = lab?.dataset.jpThemeLight;
    const dark = light === undefined ? system.matches : light === "false";
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    changed();
  }
  system.addEventListener("change", set);
  if (lab) new MutationObserver(set).observe(lab, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  set();
}

/** The body of JupyterLab's page, if this is a frame in it; null anywhere else. */
function notebook() {
  try {
    const body = window.parent === window ? null : window.parent.document.body;
    return body?.dataset.jpThemeLight === undefined ? null : body;
  } catch {
    return null; // a page of somewhere else is around this one
  }
}
