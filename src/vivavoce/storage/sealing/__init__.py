"""Sealing at rest: what is written to database and blobs passes through a `Sealer`.

    ring = key_ring(file="data.keys") or None      # or key_ring(value=…) from the environment
    async with open_sealer(database, ring) as sealer: …

Without a key nothing is sealed (`Plain`); with one, text and blobs become envelopes that say by which key. Reading
takes both, so a store may be sealed from some day on. docs/sealing.md tells the whole.
"""

from vivavoce.storage.sealing.open import open_sealer
from vivavoce.storage.sealing.port import Plain, Reader, Sealer
from vivavoce.storage.sealing.ring import KeyRing, key_ring

__all__ = ["KeyRing", "Plain", "Reader", "Sealer", "key_ring", "open_sealer"]
