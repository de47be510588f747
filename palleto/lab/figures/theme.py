"""The inks of a figure: those of the theme around it, JupyterLab's or a published page's."""

INK, QUIET, GRID, PAPER = "#1a1a1a", "#595959", "#dddddd", "#ffffff"
"""The colours that follow the theme, as they are on white paper; all others are the same on any paper."""
INKS = {
    INK: "var(--jp-ui-font-color1, #1a1a1a)",
    QUIET: "var(--jp-ui-font-color2, #595959)",
    GRID: "var(--jp-border-color2, #dddddd)",
    PAPER: "var(--jp-layout-color0, #ffffff)",
}
"""What they are in CSS: JupyterLab's variables, which published pages have, too; elsewhere ink on white paper."""
