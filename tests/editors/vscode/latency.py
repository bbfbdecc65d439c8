"""How long after a key its ghost text is on the screen of VS Code, beside the server's own time.

``python -m tests.editors.vscode.latency`` types lines into code-server with the packaged extension
and the embedded model. `tests.editors.proxy` notes when the server was asked and had answered. Only keys that
bring up new text count: what is typed into is on the screen before the server is asked. Then it types the
same with the extension in the folder ``bare``, which has no server: its share is what VS Code itself needs.
When a text is on the screen the browser says (Element Timing). `.ci/editors` installs the parts, and
`npm run package` in `editors/vscode` makes the extension.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import typer
from playwright.sync_api import sync_playwright

from tests.editors.vscode.driver import CHROMIUM, SIZES, CodeServer, Window, begin

ROOT = Path(__file__).parents[3]
BARE = Path(__file__).with_name("bare")
LINES = ("self.volume = width * height * depth", "return self.width", "for x in range(width):")

WATCH = """() => {
  window.pressed = window.shown = 0;
  let before = '', marked = 0;
  const parts = () => [...document.querySelectorAll('.ghost-text-decoration')];
  const text = () => parts().map(one => one.textContent).join('');
  document.addEventListener('keydown', event => {
    if (event.key.length === 1) {
      window.pressed = event.timeStamp;
      window.shown = marked = 0;
      before = text();
    }
  }, true);
  new MutationObserver(() => {
    const now = text();
    if (marked || !now || before.endsWith(now)) return;
    marked = performance.now();
    parts().forEach(one => one.setAttribute('elementtiming', 'ghost'));
  }).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true });
  new PerformanceObserver(list => {
    const drawn = list.getEntries().map(one => one.renderTime).filter(at => marked && at >= marked);
    if (drawn.length && !window.shown) window.shown = Math.min(...drawn);
  }).observe({ type: 'element' });
}"""


def measured(window: Window, file: Path, log: Path) -> list[tuple[float, float]]:
    """Type the lines; returns ms from key to screen, and of the server, for each key with new text.

    The server's is from the first question after the key to the last suggestion before the screen has it.
    """
    times = []
    begin(window, file)
    window.page.evaluate(WATCH)
    for line in LINES:
        for key in line:
            window.press("Space" if key == " " else key)
            window.page.wait_for_timeout(700)
            pressed, shown = window.page.evaluate(
                "() => [window.pressed, window.shown].map(one => one && performance.timeOrigin + one)"
            )
            entries = map(json.loads, log.read_text().splitlines() if log.exists() else ())
            since = [one for one in entries if pressed <= one["asked"] and one["answered"] <= shown]
            if answers := [one["answered"] for one in since if one["items"]]:
                times.append((shown - pressed, max(answers) - min(one["asked"] for one in since)))
        window.press("Escape")
        window.type("\n        ")
    return times


@contextmanager
def opened(*, bare: bool = False, **settings: Any) -> Iterator[tuple[Window, Path]]:
    """Show an empty folder in VS Code with the packaged extension; settings are as `CodeServer` has them.

    What `tests.editors.proxy` notes, or the `bare` extension in its stead, is in the file ``log`` beside it.
    """
    parts = Path(os.environ.get("SLM_LSP_EDITORS") or Path.home() / ".cache" / "slm-lsp-editors")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        server = Path(sys.executable).with_name("slm-lsp")
        proxy = folder / "slm-lsp"
        proxy.write_text(
            f'#!/bin/sh\ncd {ROOT}\nexec {sys.executable} -m tests.editors.proxy {folder}/log {server} "$@"\n'
        )
        proxy.chmod(0o755)
        os.environ["BARE_LOG"] = str(folder / "log")
        settings = {"slm_lsp__server__path": str(proxy), **settings}
        code_server = CodeServer(parts, folder / "code-server", settings)
        if bare:
            shutil.copytree(BARE, folder / "code-server" / "extensions" / "slm-lsp.bare-0.0.1")
        else:
            code_server.install(ROOT / "editors" / "vscode" / "dist" / "slm-lsp.vsix")
        (folder / "project").mkdir()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with code_server:
            window = code_server.open(browser, folder / "project")
            if not bare:
                window.says("ready")
            yield window, folder / "project"
            browser.close()


def main() -> None:
    """Measure, and print the medians."""
    for bare in (False, True):
        with opened(bare=bare, files__autoSave="off") as (window, project):
            (project / "sizes.py").write_text(SIZES)
            times = measured(window, project / "sizes.py", project.with_name("log"))
        screen, server = (median(column) for column in zip(*times, strict=True))
        share = median(one - other for one, other in times)
        typer.echo(
            f"{'bare' if bare else 'slm-lsp'}: {len(times)} keys; medians: {screen:.0f} ms to the screen, "
            f"{server:.0f} ms of the server, {share:.0f} ms of the editor"
        )


if __name__ == "__main__":
    typer.run(main)
