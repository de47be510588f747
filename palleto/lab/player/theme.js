// Light or dark: as JupyterLab is, if the page is in one of its notebooks; else as the system is.

/**
 * Let `root` take the theme on, now and whenever it changes; `changed` is told then. lab: the body of JupyterLab's page,
 * or null. Returns what ends that.
 */
export function theme(changed, root = document.documentElement, lab = around()) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  function set() {
    const light = lab?.dataset.jpThemeLight;
    const dark = light === undefined ? system.matches : light === "false";
    root.dataset.theme = dark ? "dark" : "light";
    changed();
  }
  const watching = new MutationObserver(set);
  system.addEventListener("change", set);
  if (lab) watching.observe(lab, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  set();
  return () => {
    watching.disconnect();
    system.removeEventListener("change", set);
  };
}

/** The body of JupyterLab's page, if this is a frame in it; null anywhere else. */
function around() {
  try {
    const body = window.parent === window ? null : window.parent.document.body;
    return body?.dataset.jpThemeLight === undefined ? null : body;
  } catch {
    return null; // a page of somewhere else is around this one
  }
}
