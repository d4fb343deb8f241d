from __future__ import annotations

from vivavoce.app.rates import census, classes
from vivavoce.app.settings.values import Rates, Settings
from vivavoce.channels.limits import CensusLimits
from vivavoce.channels.rates import RATES, Limit


def test_limits_of_each_surface_are_those_of_the_settings() -> None:
    assert classes(Settings()) == RATES
    assert census(Settings()) == CensusLimits()


def test_each_number_can_be_set() -> None:
    numbers = dict.fromkeys(Rates.__struct_fields__, 7)
    found = classes(Settings(rates=Rates(**numbers)))
    assert found["sign_in"].address == Limit(7, 60)
    assert (found["read"].user, found["read"].address) == (Limit(28, 4), Limit(21, 3))
    assert (found["write"].user, found["write"].address, found["page"].address) == (
        Limit(35, 5),
        Limit(21, 3),
        Limit(21, 3),
    )
    assert (found["search"].user, found["export"].address) == (Limit(7, 60), Limit(14, 60))
    assert (found["conversation"].user, found["conversation"].at_once) == (Limit(7, 60), 7)
    assert (found["live"].address, found["live"].at_once) == (Limit(21, 60), 7)
    counted = census(Settings(rates=Rates(**numbers)))
    assert (counted.strangers, counted.per_address) == (7, 7)
