"""What back-ends are built with, and what ends with them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from vivavoce.errors import ConfigError
from vivavoce.inference.discover import Address, Found, ollama_at
from vivavoce.inference.grammar import Grammar
from vivavoce.inference.secret import Secret

if TYPE_CHECKING:
    from vivavoce.inference.backends.openai import Endpoint


class Closable(Protocol):
    def close(self) -> None: ...


class Warmable(Closable, Protocol):
    async def warm(self) -> None:
        """Return once everything is loaded. Raises BackendError."""


@dataclass
class Context:
    """What back-ends share: servers, found or configured, and the skills' grammars. `aclose` ends what was built."""

    openai: Address | None = None
    ollama: Address = field(default_factory=ollama_at)
    found: Found | None = None
    """What `discover` found, for the language model named `auto`."""
    grammars: tuple[Grammar, ...] = ()

    def __post_init__(self) -> None:
        self._endpoints: dict[Address, Endpoint] = {}
        self._closing = AsyncExitStack()
        self._warming: list[Warmable] = []

    async def aclose(self) -> None:
        await self._closing.aclose()

    def keep(self, backend: Closable) -> None:
        """Close `backend` with the context."""
        self._closing.callback(backend.close)

    def keep_warm(self, backend: Warmable) -> None:
        """Close `backend` with the context, and let `ready` wait until it has loaded."""
        self.keep(backend)
        self._warming.append(backend)

    async def ready(self) -> None:
        """Load now what back-ends would load at their first use. Raises what they raise."""
        while self._warming:
            await self._warming.pop().warm()

    def endpoint(self, address: Address) -> Endpoint:
        """The client of that server; back-ends with the same address and key share its connections."""
        from vivavoce.inference.backends.openai import Endpoint

        if address not in self._endpoints:
            self._endpoints[address] = Endpoint(address.base_url, address.key)
            self._closing.push_async_callback(self._endpoints[address].aclose)
        return self._endpoints[address]

    def address(self, kind: str, base_url: str | None, key: Secret | None) -> Address:
        """A back-end's own address and key, else the shared ones. Raises ConfigError when there is none.

        The shared key belongs to the shared address and is never sent elsewhere.
        """
        if base_url:
            shared = self.openai.key if self.openai and self.openai.base_url == base_url else None
            return Address(base_url, key or shared)
        if self.openai is None:
            raise ConfigError(f"{kind}.backend is openai, but neither {kind}.base_url nor openai.base_url is set")
        return Address(self.openai.base_url, key or self.openai.key)
