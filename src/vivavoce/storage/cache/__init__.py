"""The cache: values that may be lost. In this process, or in Redis for several.

async with open_cache(None) as cache: …                       # in this process
async with open_cache("redis://127.0.0.1:6379/0") as cache: … # shared by several
near = NearCache(cache, bus)                                  # in front of Redis, for what is read often
"""

from vivavoce.storage.cache.near import NearCache, open_near
from vivavoce.storage.cache.open import open_cache
from vivavoce.storage.cache.port import Cache

__all__ = ["Cache", "NearCache", "open_cache", "open_near"]
