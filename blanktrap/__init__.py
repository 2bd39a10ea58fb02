"""blanktrap finds the blank images in a camera-trap archive.

Importing it is light: neither torch, ray nor streamlit is loaded, nor anything else before it is used. See
README.md for the commands, docs/python.md for notebooks.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_FROM_NOTEBOOKS = ("Evaluation", "evaluate", "load_model", "score_images")

__all__ = ["Evaluation", "__version__", "evaluate", "load_model", "score_images"]


def __getattr__(name: str) -> Any:
    if name in _FROM_NOTEBOOKS:
        return getattr(import_module("blanktrap.notebooks"), name)
    raise AttributeError(f"module 'blanktrap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FROM_NOTEBOOKS])
