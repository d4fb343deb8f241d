"""Blobs: recordings, voices, exports, in a folder, in memory or in S3.

async with open_blobs(folder.blobs, data.blobs, data.blobs_endpoint) as blobs:
    index = BlobIndex(database, blobs, sealer)
    await index.put("recordings/…", owner, chunks, "audio/ogg", expires_at)
"""

from vivavoce.storage.blobs.index import BlobIndex, Swept
from vivavoce.storage.blobs.open import open_blobs
from vivavoce.storage.blobs.port import BlobEntry, BlobInfo, Blobs

__all__ = ["BlobEntry", "BlobIndex", "BlobInfo", "Blobs", "Swept", "open_blobs"]
