"""The frame of a published page: its style, in the reader's theme, light or dark. Nothing in it is loaded."""

from __future__ import annotations

from html import escape

from palleto.lab.extra import required
from palleto.lab.publish.static_widgets import STYLE

FRAME = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><main>{body}</main></body></html>
"""

# The names of JupyterLab's variables, so that panels and differences look here as they do there.
LIGHT = """
--jp-ui-font-family: system-ui, sans-serif; --jp-content-font-color1: #1f1f1f; --jp-content-font-color2: #595959;
--jp-ui-font-color1: #1f1f1f; --jp-ui-font-color2: #595959; --jp-layout-color0: #ffffff; --jp-layout-color1: #ffffff;
--jp-layout-color2: #f3f3f3; --jp-border-color1: #a8a8a8; --jp-border-color2: #dcdcdc; --link: #0b62a5;
"""
DARK = """
--jp-content-font-color1: #e6e6e6; --jp-content-font-color2: #adadad; --jp-ui-font-color1: #e6e6e6;
--jp-ui-font-color2: #adadad; --jp-layout-color0: #161616; --jp-layout-color1: #161616; --jp-layout-color2: #262626;
--jp-border-color1: #6f6f6f; --jp-border-color2: #3a3a3a; --link: #7ab8ec;
"""
PAGE = """
body { margin: 0; background: var(--jp-layout-color0); color: var(--jp-content-font-color1);
  font: 16px/1.55 var(--jp-ui-font-family); }
main { max-width: 1000px; margin: 0 auto; padding: 24px 20px 80px; }
h1 { font-size: 30px; line-height: 1.2; } h2 { font-size: 22px; margin-top: 2em; }
a { color: var(--link); } a.anchor-link { display: none; }
.text_cell_render > p, .text_cell_render > ul { max-width: 44em; }
pre { margin: 0; font: 13px/1.45 ui-monospace, Menlo, Consolas, monospace; white-space: pre; overflow-x: auto; }
.input_area, .text_cell_render > pre, main > .highlight { background: var(--jp-layout-color2); padding: 10px 14px;
  border-radius: 6px; margin: 10px 0; overflow-x: auto; }
.output_area { margin: 8px 0 14px; overflow-x: auto; }
.output_area > pre, .output_text pre { white-space: pre-wrap; }
img { max-width: 100%; height: auto; } svg { max-width: 100%; }
table { border-collapse: collapse; } th, td { padding: 4px 12px 4px 0; text-align: left;
  border-bottom: 1px solid var(--jp-border-color2); }
@media (min-width: 701px) { .text_cell_render code { white-space: nowrap; } }
@media (max-width: 700px) { p code, li code, td code { overflow-wrap: anywhere; } }
details > summary { cursor: pointer; color: var(--jp-content-font-color2); }
@media print { .input_area { break-inside: avoid; } }
"""


def framed(title: str, body: str) -> str:
    """The whole page around a body."""
    formatter = required("pygments.formatters").HtmlFormatter
    code = [formatter(style=style).get_style_defs(".highlight") for style in ("default", "github-dark")]
    style = (
        f":root {{ color-scheme: light dark; {LIGHT} }}\n{code[0]}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }}\n{code[1]}\n}}\n"
        f"{PAGE}{STYLE}.highlight {{ background: none; }}\n"
    )
    return FRAME.format(title=escape(title), style=style, body=body)
