"""Numbers that the parts of the platform keep anyway, under the names by which metrics show them."""

from __future__ import annotations

from vivavoce.app.platform import Platform
from vivavoce.channels.census import Census
from vivavoce.channels.rates import Rates
from vivavoce.channels.tallies import Asked


def vitals(platform: Platform, rates: Rates, census: Census) -> tuple[Asked, ...]:
    """All are attributes in memory: a scrape waits for nobody, so it also works while everything else is away."""
    bus = platform.storage.bus
    writer, ledger, spool = platform.writing.writer, platform.writing.ledger, platform.writing.spool
    tally = platform.accounts.commons.tally
    return (
        Asked("vivavoce_connections_open", "Connections, HTTP and WebSocket", lambda: len(census)),
        Asked("vivavoce_connections_strangers", "Of these, those of people not known so far", lambda: census.strangers),
        Asked("vivavoce_cache_up", "0 while each process limits by itself", lambda: float(not rates.alone)),
        Asked("vivavoce_bus_silent_seconds", "Since the bus last proved that it delivers", lambda: bus.silent_s),
        Asked("vivavoce_archive_behind_seconds", "How long rows have waited for the database", lambda: writer.behind_s),
        Asked("vivavoce_archive_promising", "0 while nothing more can be kept", lambda: float(writer.promising)),
        Asked("vivavoce_archive_ledger_bytes", "Rows that wait in a file for the database", lambda: ledger.size),
        Asked("vivavoce_archive_ledger_batches", "Batches of these rows", lambda: ledger.count or 0),
        Asked("vivavoce_archive_spool_bytes", "Sound that waits to be stored", lambda: spool.used),
        Asked("vivavoce_recordings_pending", "Recordings being made or waiting to be stored", lambda: spool.count),
        Asked("vivavoce_sign_ins", "Tries to come in", lambda: tally.sign_ins, ("way", "outcome"), "counter"),
        Asked("vivavoce_audit_rows", "Rows of the audit", lambda: tally.audited, ("act", "outcome"), "counter"),
    )
