"""What can be set (`values`, `backends`), from where it comes (`load`, `files`), how it is told (`document`).

The environment is read here, and nowhere else.
"""

from vivavoce.app.settings.load import Flag, Loaded, Origin, load
from vivavoce.app.settings.values import Limits, Settings

__all__ = ["Flag", "Limits", "Loaded", "Origin", "Settings", "load"]
