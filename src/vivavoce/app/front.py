"""What listens: HTTP and WebSockets of this process behind one door. It answers before the models are there.

uvicorn ─▶ guard, door (who, from where, how often) ─▶ pages · API
       └─▶ gateway, the same door ─▶ /ws/duplex/… · /ws/streaming/… · /ws
"""

from __future__ import annotations

import socket
from dataclasses import replace

from vivavoce import __version__
from vivavoce.api.app import api_app
from vivavoce.api.doctor import DoctorApi
from vivavoce.api.idempotency import Idempotency
from vivavoce.api.routing import Section, Table, declared
from vivavoce.api.sections import of_accounts, of_archive, of_registry
from vivavoce.app.build import Conversations
from vivavoce.app.checkup import Checkup
from vivavoce.app.platform import Platform
from vivavoce.app.rates import census, classes
from vivavoce.app.settings import Settings
from vivavoce.app.vitals import vitals
from vivavoce.channels import contract
from vivavoce.channels.access import Access
from vivavoce.channels.census import Census
from vivavoce.channels.door import Door, Socket, Ways
from vivavoce.channels.duplex import DuplexChannel
from vivavoce.channels.feed import LiveFeed
from vivavoce.channels.http import Api, Guarded, Status, http_app, pages
from vivavoce.channels.limits import DUPLEX, LIVE, STREAMING, ChannelLimits, HttpLimits, SocketLimits
from vivavoce.channels.live import LiveChannel
from vivavoce.channels.metrics import Metrics
from vivavoce.channels.proxies import Proxies
from vivavoce.channels.rates import Rates
from vivavoce.channels.readiness import Readiness
from vivavoce.channels.streaming import StreamingChannel
from vivavoce.channels.websocket import Gateway, Route
from vivavoce.inference.addresses import is_loopback


class Front:
    """All that this process listens to. Conversations are taken from `open` on, everything else at once."""

    def __init__(self, platform: Platform, *, hsts: bool = False) -> None:
        settings = platform.settings
        self.metrics = Metrics()
        self.readiness = Readiness()
        self.feed = LiveFeed(platform.storage.bus)
        self._conversations: Conversations | None = None
        self._checkup = Checkup(platform)
        ways = _ways(settings)
        accounts = platform.accounts
        rates = Rates(
            platform.storage.cache,
            classes(settings),
            processes=lambda: settings.server.processes,
            refused=self.metrics.limited,
        )
        door = Door(ways, accounts.authenticator, accounts.tickets, rates)
        self.census = Census(census(settings), ways.proxies)
        self.gateway = Gateway(self._routes(settings), door, self.readiness, self.metrics, _socket_limits(settings))
        accounts.revocations.watch(self.gateway.revoked)
        inner = api_app(_sections(platform, self._checkup), Idempotency(platform.storage.database))
        self.app = http_app(
            Guarded(door, platform.storage.cache, hsts, self.metrics.request),
            pages(self.readiness, self.metrics, self._status),
            Api(inner, Table(declared(inner.routes))),
        )
        self.http_limits = _http_limits(settings)
        self.metrics.ask(*vitals(platform, rates, self.census))
        platform.storage.database.watch(self.metrics.statement, self.metrics.waited)

    def open(self, conversations: Conversations) -> None:
        """Take conversations from now on."""
        self._conversations = conversations
        self._checkup.loaded(conversations.backends)
        self.readiness.ready()

    def _routes(self, settings: Settings) -> tuple[Route, ...]:
        talks = Socket("conversation", "talk", guests=True)
        duplex, streaming = _channel_limits(settings)
        return (
            Route(
                "/ws/duplex/",
                talks,
                duplex,
                lambda line, name: DuplexChannel(line, name, self._sessions, language="", limits=duplex),
            ),
            Route(
                "/ws/streaming/",
                talks,
                streaming,
                lambda line, name: StreamingChannel(line, name, self._sessions, language="", limits=streaming),
            ),
            Route("/ws", Socket("live"), LIVE, lambda line, _: LiveChannel(line, self.feed)),
        )

    @property
    def _sessions(self) -> contract.Sessions:
        # The gateway refuses upgrades until `open`.
        assert self._conversations is not None
        return self._conversations.offered

    def _status(self) -> Status:
        return self._conversations.status if self._conversations else Status(version=__version__)


def _sections(platform: Platform, checkup: Checkup) -> list[Section]:
    """Everything that the API answers."""
    return [
        *of_accounts(platform.accounts),
        *of_registry(platform.registry),
        *of_archive(platform.reading, lambda: platform.settings.history.share_days),
        DoctorApi(checkup.examine, checkup.try_out),
    ]


def _ways(settings: Settings) -> Ways:
    """From where one may come in."""
    server = settings.server
    # The address that is bound is a name that is answered; IPv6's loopback is one anyway. From the network one comes
    # by this machine's name and addresses as well.
    bound = () if ":" in server.host else (server.host,)
    reached = not is_loopback(server.host)
    own = (socket.gethostname(),) if reached else ()
    return Ways(
        Access.allowing((*server.hosts, *bound, *own), server.origins, addresses=reached),
        Proxies.of(server.trusted_proxies),
        settings.tls.behind_proxy,
        settings.accounts.guests,
    )


def _socket_limits(settings: Settings) -> SocketLimits:
    limits = settings.limits
    return SocketLimits(
        first_message_s=limits.first_message_s,
        ping_s=limits.ping_s,
        errors=limits.errors_in_10_s,
        send_buffer_bytes=limits.send_bytes,
        blocked_s=limits.send_blocked_s,
        connections=limits.connections,
    )


def _http_limits(settings: Settings) -> HttpLimits:
    limits = settings.limits
    return HttpLimits(
        head_bytes=limits.http_head_bytes,
        fields=limits.http_fields,
        head_s=limits.http_head_s,
        body_bytes=limits.http_body_bytes,
    )


def _channel_limits(settings: Settings) -> tuple[ChannelLimits, ChannelLimits]:
    """Of `/ws/duplex` and `/ws/streaming`."""
    limits = settings.limits
    duplex = replace(
        DUPLEX,
        message_bytes=limits.duplex_message_bytes,
        bytes_per_s=limits.duplex_bytes_s,
        burst_bytes=2 * limits.duplex_bytes_s,
        resume_burst_bytes=round((2 + limits.resume_sound_s) * limits.duplex_bytes_s),
        pictures_per_s=limits.pictures_per_s,
    )
    streaming = replace(
        STREAMING,
        message_bytes=limits.streaming_message_bytes,
        bytes_per_s=limits.streaming_bytes_s,
        burst_bytes=2 * limits.streaming_bytes_s,
    )
    return duplex, streaming
