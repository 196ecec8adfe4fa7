"""The page at / and its files, and the headers that keep scripts of others out of it."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

# Nothing but the server's own files, and requests to the server itself.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
_INDEX = "index.html"


def page_files() -> dict[str, tuple[bytes, str]]:
    """Name to content and media type of the files of the page that are installed."""
    folder = files("multilabel_bert.serving") / "page"
    found = {}
    for entry in folder.iterdir() if folder.is_dir() else ():
        media_type = _TYPES.get(f".{entry.name.rpartition('.')[2]}")
        if media_type is not None:
            found[entry.name] = (entry.read_bytes(), media_type)
    return found


def page_response(content: bytes, media_type: str) -> Response:
    """One file, always asked for anew: a newer server has a newer page."""
    return Response(content, headers={"Content-Type": media_type, **page_headers()})


def page_headers() -> dict[str, str]:
    """What every page and file of it is sent with."""
    return {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def page_routes() -> APIRouter:
    """``/`` and ``/page/NAME``."""
    found = page_files()
    router = APIRouter()

    @router.get("/", include_in_schema=False)
    async def index() -> Response:
        if _INDEX not in found:
            return RedirectResponse("/docs")
        return page_response(*found[_INDEX])

    @router.get("/page/{name}", include_in_schema=False)
    async def file(name: str) -> Response:
        if name not in found:
            raise HTTPException(404)
        return page_response(*found[name])

    return router
