"""A small typed client of the REST API, for the command line, for scripts and for tests."""

from vivavoce.client.blocking import Blocking
from vivavoce.client.client import VivavoceClient
from vivavoce.client.pinning import trusting

__all__ = ["Blocking", "VivavoceClient", "trusting"]
