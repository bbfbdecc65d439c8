"""How long after a key its ghost text is on the screen of VS Code, beside the server's own time.

``python -m tests.editors.vscode.latency`` types lines into code-server with the packaged extension
and the embedded model, and asks after each key how the server answered it. Only keys that bring up new text
count: what is typed into is on the screen before the server is asked. `.ci/editors` installs the parts, and
`npm run package` in `editors/vscode` makes the extension.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import typer
from playwright.sync_api import sync_playwright

from tests.editors.vscode.driver import CHROMIUM, SIZES, CodeServer, Window, begin, eventually

ROOT = Path(__file__).parents[3]
LINES = ("self.volume = width * height * depth", "return self.width", "for x in range(width):")

WATCH = """() => {
  window.pressed = window.shown = 0;
  let before = '';
  const ghost = () =>
    [...document.querySelectorAll('.ghost-text-decoration')].map(one => one.textContent).join('');
  document.addEventListener('keydown', event => {
    if (event.key.length === 1) { window.pressed = event.timeStamp; window.shown = 0; before = ghost(); }
  }, true);
  new MutationObserver(() => {
    const now = ghost();
    if (window.shown || !now || before.endsWith(now)) return;
    requestAnimationFrame(at => { window.shown = window.shown || Math.max(at, performance.now()); });
  }).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true });
}"""


def measured(window: Window, file: Path) -> list[tuple[float, float]]:
    """Type the lines; returns ms from key to screen, and of the server, for each key with new text."""
    times = []
    begin(window, file)
    window.page.evaluate(WATCH)
    for line in LINES:
        for key in line:
            window.press("Space" if key == " " else key)
            window.page.wait_for_timeout(700)
            pressed, shown = window.page.evaluate("() => [window.pressed, window.shown]")
            if not shown:
                continue
            window.press("Control+Alt+w")
            text = eventually(lambda: re.search(r"after ([\d.]+) ms, by", window.text()), "the report", 10)
            times.append((shown - pressed, float(text[1])))
        window.press("Escape")
        window.type("\n        ")
    return times


@contextmanager
def opened(**settings: object) -> Iterator[tuple[Window, Path]]:
    """Show an empty folder in VS Code with the packaged extension; settings are as `CodeServer` has them."""
    parts = Path(os.environ.get("SLM_LSP_EDITORS") or Path.home() / ".cache" / "slm-lsp-editors")
    settings = {"slm_lsp__server__path": str(Path(sys.executable).with_name("slm-lsp")), **settings}
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        code_server = CodeServer(parts, folder / "code-server", settings)
        code_server.install(ROOT / "editors" / "vscode" / "dist" / "slm-lsp.vsix")
        (folder / "project").mkdir()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with code_server:
            window = code_server.open(browser, folder / "project")
            eventually(lambda: "ready" in window.status(), "the model is ready")
            yield window, folder / "project"
            browser.close()


def main() -> None:
    """Measure, and print the medians."""
    with opened() as (window, project):
        (project / "sizes.py").write_text(SIZES)
        times = measured(window, project / "sizes.py")
    for screen, server in times:
        typer.echo(f"screen {screen:.0f} ms, server {server:.0f} ms")
    shares = [screen - server for screen, server in times]
    typer.echo(
        f"{len(times)} keys; medians: {median(one for one, _ in times):.0f} ms to the screen, "
        f"{median(one for _, one in times):.0f} ms of the server, {median(shares):.0f} ms of the editor"
    )


if __name__ == "__main__":
    typer.run(main)
