"""Build hook: no wheel and no source archive leaves without the console.

In a clone the console is built by script/console when it is missing or older than its sources. A source archive
carries it built, so that a wheel made from one needs no Node.js.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        script = root / "script" / "console"
        if script.exists():
            subprocess.run(["bash", str(script)], check=True)
        if not (root / "src/vivavoce/channels/console/index.html").exists():
            raise FileNotFoundError("src/vivavoce/channels/console holds no console; make it with script/console")
