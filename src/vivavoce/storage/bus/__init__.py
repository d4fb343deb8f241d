"""The bus: news for every process, and durable streams of work. In this process, or through Redis for several."""

from vivavoce.storage.bus.port import Bus, Delivery, News, Retry

__all__ = ["Bus", "Delivery", "News", "Retry"]
