"""Debian's chromium, which asks nobody for updates."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

from playwright.async_api import Browser, Playwright

CHROMIUM = "/usr/bin/chromium"
# Chromium obeys the last of two switches that turn features off, so those of Playwright's are named again.
OFF_IN_PLAYWRIGHT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "TcpPortRandomizationWin",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    "msForceBrowserSignIn",
    "msEdgeUpdateLaunchServicesPreferredVersion",
)
# Every new window would load the menus of its address bar, and start a renderer for a site that nobody visits.
OFF_HERE = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "SpareRendererForSitePerProcess")
QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    f"--disable-features={','.join(OFF_IN_PLAYWRIGHT + OFF_HERE)}",
)
ONLY = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>"""


@asynccontextmanager
async def launch(playwright: Playwright, *, fonts: Path | None = None) -> AsyncIterator[Browser]:
    """Start it without a window, with the system's fonts or those of a folder alone; stop it."""
    env: dict[str, str | float | bool] | None = None
    if fonts is not None:
        config = Path(mkdtemp(prefix="fonts-")) / "fonts.conf"
        config.write_text(ONLY.format(fonts=fonts, cache=config.parent))
        env = {**os.environ, "FONTCONFIG_FILE": str(config)}
    browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET, env=env)
    try:
        yield browser
    finally:
        await browser.close()
