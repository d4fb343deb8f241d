"""The bus: news for every process, and durable streams of work. In this process, or through Redis for several.

async with open_bus(None, database) as bus: …                        # in this process, streams in the database
async with open_bus("redis://127.0.0.1:6379/0", database) as bus: …  # several processes
"""

from vivavoce.storage.bus.dead import DeadLetter
from vivavoce.storage.bus.open import open_bus
from vivavoce.storage.bus.port import Bus, Delivery, News, Retry

__all__ = ["Bus", "DeadLetter", "Delivery", "News", "Retry", "open_bus"]
