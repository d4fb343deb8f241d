"""From the settings to the limits of the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vivavoce.app.settings.values import Settings
from vivavoce.channels.limits import CensusLimits
from vivavoce.channels.rates import RATES, ClassLimits, Limit, Rate

_MINUTE = 60


def classes(settings: Settings) -> Mapping[Rate, ClassLimits]:
    """How often, by class of route. A burst is the amount of a longer window: 50 a second are 200 in four."""
    chosen = settings.rates
    address = Limit(3 * chosen.address, 3)
    search = replace(RATES["search"], user=Limit(chosen.search, _MINUTE), address=Limit(2 * chosen.search, _MINUTE))
    return {
        **RATES,
        "sign_in": replace(RATES["sign_in"], address=Limit(chosen.sign_in, _MINUTE)),
        "read": replace(RATES["read"], user=Limit(4 * chosen.read, 4), address=address),
        "write": replace(RATES["write"], user=Limit(5 * chosen.write, 5), address=address),
        "page": replace(RATES["page"], address=address),
        "search": search,
        "export": search,
        "conversation": ClassLimits(
            Limit(chosen.conversation, _MINUTE), Limit(6 * chosen.conversation, _MINUTE), chosen.conversations_at_once
        ),
        "live": ClassLimits(Limit(chosen.live, _MINUTE), Limit(3 * chosen.live, _MINUTE), chosen.live_at_once),
    }


def census(settings: Settings) -> CensusLimits:
    """How many connections."""
    return CensusLimits(settings.limits.connections, settings.rates.strangers, settings.rates.connections)
