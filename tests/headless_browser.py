"""A real browser, headless, where one is installed: scripts/install_chromium.sh."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

WIDTHS = (400, 1200)


@dataclass
class Browser:
    """Opens pages and tells what the console said."""

    driver: object
    width: int = 1200
    shots: list[Path] = field(default_factory=list)

    def open(self, page: Path | str, *, width: int = 1200, dark: bool = False) -> list[str]:
        """Open a file or an address; return the errors and warnings of the console."""
        self.width = width
        # A window of Chromium is never narrower than 500 pixels; a page in it can be.
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"media": "", "features": [scheme]}
        )
        self.driver.get(page if isinstance(page, str) else page.resolve().as_uri())
        return self.console()

    def as_printed(self) -> None:
        """Show the open page as it is on paper, though the machine is set to dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark"}
        given = {"media": "print", "features": [scheme]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", given)

    def console(self) -> list[str]:
        """What the console said since it was last asked."""
        return [f"{entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")]

    def run(self, script: str, *arguments):
        return self.driver.execute_script(script, *arguments)

    def shoot(self, path: Path) -> Path:
        """A picture of the whole page."""
        import base64

        shot = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot",
            {"captureBeyondViewport": True, "format": "png"}
            | {
                "clip": {
                    "x": 0,
                    "y": 0,
                    "width": self.width,
                    "scale": 1,
                    "height": min(16000, self.run("return document.body.scrollHeight")),
                }
            },
        )
        path.write_bytes(base64.b64decode(shot["data"]))
        return path


@pytest.fixture(scope="session")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no chromium and chromedriver here: run scripts/install_chromium.sh")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    # Root, as in containers, has no sandbox; small /dev/shm, as in containers, makes it crash.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    running = webdriver.Chrome(options=options, service=service)
    running.set_page_load_timeout(120)
    yield Browser(running)
    running.quit()
