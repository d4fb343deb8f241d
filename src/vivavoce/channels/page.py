"""The console's built files: the page with its nonce, assets that never change, and nothing else."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from vivavoce.channels.guard import page_policy

FOLDER: Final = Path(__file__).parent / "console"
"""Where `script/console` builds it; package data of the wheel."""

_NONCE: Final = "__CSP_NONCE__"
_PRIVATE: Final = frozenset({"index.html", "manifest.build.json"})
_FOR_EVER: Final = "public, max-age=31536000, immutable"

_NOT_BUILT: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Vivavoce</title>
<h1>Vivavoce is running, its page is not built</h1>
<p>The server answers: see <a href="/status">/status</a> and <a href="/health">/health</a>.
<p>To build the page, run <code>script/console</code> in the project's folder (<code>script/serve</code> does it
by itself), then load this page again. A wheel from <code>uv build</code> carries it already.
<p lang="zh">服务已运行，但页面尚未构建：请在项目目录运行 <code>script/console</code>，然后刷新。
</html>
"""


class Console:
    """An endpoint for every path that no other route takes."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._page = folder / "index.html"
        self._files = StaticFiles(directory=folder, check_dir=False)

    async def __call__(self, request: Request) -> Response:
        path = request.path_params["path"]
        if path and path not in _PRIVATE:
            try:
                response = await self._files.get_response(path, request.scope)
            except HTTPException as error:
                if error.status_code != 404:
                    raise
            else:
                response.headers["Cache-Control"] = _FOR_EVER if path.startswith("assets/") else "no-cache"
                return response
        # Every page of the console is the same file; a script or picture that is missing stays missing.
        if path and "text/html" not in request.headers.get("accept", ""):
            raise HTTPException(404)
        return self._index()

    def _index(self) -> Response:
        try:
            page = self._page.read_text(encoding="utf-8")
        except FileNotFoundError:
            return HTMLResponse(_NOT_BUILT, status_code=503)
        nonce = secrets.token_urlsafe(16)
        policy = {"Content-Security-Policy": page_policy(nonce)}
        return HTMLResponse(page.replace(_NONCE, nonce), headers=policy)
