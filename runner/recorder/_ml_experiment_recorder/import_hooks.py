"""Calls us right after a named module has been imported, and costs a dictionary look-up for every other import.

The module keeps its own loader: only the instance's `exec_module` is shadowed, once, so that `inspect`, `pkgutil`,
`importlib.resources`, lazy loaders and `importlib.reload` see what they always see.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .guard import failed, guarded
from .stream import Stream


class PostImport:
    """A `sys.meta_path` finder that finds nothing itself."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._hooks: dict[str, list[Callable[[Any], None]]] = {}

    def install(self) -> None:
        """Go first on the meta path; modules that start-up has already imported get their hooks at once."""
        for name in list(self._hooks):
            if name in sys.modules:
                self._call(name, sys.modules[name])
        sys.meta_path.insert(0, self)

    def after(self, name: str, hook: Callable[[Any], None]) -> None:
        """Call `hook(module)` each time `name` has been executed."""
        self._hooks.setdefault(name, []).append(hook)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec the other finders find, its loader prepared to tell us when it is done."""
        if name not in self._hooks:
            return None
        for finder in list(sys.meta_path):
            if finder is self:
                continue
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None else None
            if spec is not None:
                try:
                    self._shadow(name, spec.loader)
                except Exception as error:
                    failed(self._stream, name, error)
                return spec
        return None

    def _shadow(self, name: str, loader: Any) -> None:
        if not hasattr(loader, "exec_module"):
            return

        def exec_module(module: Any) -> Any:
            loader.__dict__.pop("exec_module", None)
            result = loader.exec_module(module)
            self._call(name, module)
            return result

        loader.exec_module = exec_module

    def _call(self, name: str, module: Any) -> None:
        for hook in self._hooks[name]:
            guarded(self._stream, name, hook, module)
