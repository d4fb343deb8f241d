"""The cache: values that may be lost. In this process, or in Redis for several."""

from vivavoce.storage.cache.port import Cache

__all__ = ["Cache"]
