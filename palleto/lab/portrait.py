"""The README's picture: the dashboard of step 9 in the middle of a real run, as a PNG.

    python -m palleto.lab.portrait notebooks/dashboard.png

The run is against the embedded place; the dashboard's widgets are written down as HTML (`palleto.lab.publish`), which
Chromium draws. Where there is no Chromium, name a file that ends in .svg: the same panels, one below the other.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from palleto.cloud.command_line import start
from palleto.errors import SettingError
from palleto.lab.extra import required

FILES, RATE, SEEN = 140, 12.0, 100
"""How many files arrive, how many a second, and how many are written at the moment of the picture."""
PATIENCE = 60.0
"""Real seconds to wait for that moment."""
WIDTH, MOST_HEIGHT, SCALE = 1240, 1400, 1.6
"""The picture's width, the most that its height may be, and how many dots each pixel has."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-quic"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def in_mid_run() -> tuple[str, Any]:
    """Run step 9 until enough files are written; the dashboard at that moment, as a page and as a snapshot."""
    embed = required("ipywidgets.embed")
    from palleto.experiment import Experiment
    from palleto.lab.dashboard import Dashboard
    from palleto.lab.publish import StaticWidgets, framed
    from steps import step9

    experiment = Experiment(step9.pipeline, place="embedded", files=FILES, rate=RATE)
    dash = Dashboard(experiment).start()
    try:
        deadline = time.monotonic() + PATIENCE
        while dash.scene.written < SEEN:
            if time.monotonic() > deadline or not experiment.running:
                raise SettingError(f"expected {SEEN} files in {PATIENCE:g} s, got: {dash.line}")
            time.sleep(0.02)
        models = embed.dependency_state(dash.view, drop_defaults=False)
        body = StaticWidgets(models).html(dash.view.model_id)
        return framed(
            "Step 9", f"<style>main {{ max-width: none; padding: 18px 24px; }}</style>{body}"
        ), dash.snapshot()
    finally:
        dash.stop()


def png(page: str) -> bytes:
    """The page as a picture, cut off below the last thing in it. Raises SettingError if no Chromium is found."""
    image, chops = required("PIL.Image"), required("PIL.ImageChops")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SettingError("expected Chromium, to draw a PNG, got none; install it, or name a file that ends in .svg")
    with tempfile.TemporaryDirectory(prefix="palleto-portrait-") as folder:
        source, target = Path(folder) / "page.html", Path(folder) / "page.png"
        source.write_text(page, encoding="utf-8")
        size = (f"--window-size={WIDTH},{MOST_HEIGHT}", f"--force-device-scale-factor={SCALE}")
        wanted = (f"--user-data-dir={folder}/profile", f"--screenshot={target}", source.as_uri())
        subprocess.run([browser, *ARGUMENTS, *size, *wanted], check=True, capture_output=True, timeout=60)
        with image.open(target) as whole:
            drawn = whole.convert("RGB")
    empty = image.new("RGB", drawn.size, drawn.getpixel((0, 0)))
    bottom = chops.difference(drawn, empty).getbbox()[3]
    cut = drawn.crop((0, 0, drawn.width, min(drawn.height, bottom + round(20 * SCALE))))
    file = io.BytesIO()
    cut.quantize(128).save(file, format="PNG", optimize=True)
    return file.getvalue()


@click.command()
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
def portrait(target: Path) -> None:
    """Write the dashboard of step 9 in the middle of a run to FILE.png, or its panels to FILE.svg."""
    if target.suffix not in (".png", ".svg"):
        raise click.UsageError(f"expected a FILE that ends in .png or .svg, got: {str(target)!r}")
    page, snapshot = in_mid_run()
    try:
        content = png(page) if target.suffix == ".png" else snapshot._repr_svg_().encode()
        target.write_bytes(content)
    except (OSError, subprocess.SubprocessError) as error:
        raise SettingError(f"expected a picture in {target}, got: {error}") from None
    print(f"{target}: {len(content) / 1000:.0f} kB")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line. Exits with one line and 1 if there is no picture."""
    start(portrait, "python -m palleto.lab.portrait", arguments)


if __name__ == "__main__":
    main()
