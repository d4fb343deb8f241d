from hypothesis import given
from hypothesis import strategies as st

from vivavoce.inference.breaker import Breaker


def test_it_opens_at_five_failures_in_thirty_seconds_and_tries_again_after_ten():
    breaker = Breaker(failures=5, within_s=30, rest_s=10)
    for at in (0, 5, 10, 15):
        breaker.failed(at)
        assert breaker.admit(at) is None
    breaker.failed(20)
    assert breaker.admit(20) == 10
    assert breaker.admit(28) == 2
    assert breaker.admit(30) is None
    assert breaker.admit(30) == 1, "one try at a time"


def test_failures_far_apart_do_not_open_it():
    breaker = Breaker(failures=5, within_s=30, rest_s=10)
    for at in range(0, 200, 8):
        breaker.failed(at)
    assert breaker.state == "closed"


def opened():
    breaker = Breaker(failures=1, within_s=30, rest_s=10)
    breaker.failed(0)
    assert breaker.admit(10) is None
    return breaker


def test_a_try_that_works_closes_it_and_one_that_fails_opens_it_again():
    good, bad = opened(), opened()
    good.worked()
    assert good.admit(10) is None
    bad.failed(12)
    assert bad.admit(21) == 1
    assert bad.admit(22) is None


def test_a_try_whose_caller_left_gives_the_next_one_its_turn():
    breaker = opened()
    breaker.left(11)
    assert breaker.admit(11) is None


@given(st.lists(st.tuples(st.sampled_from(["ask", "worked", "failed", "left"]), st.floats(0, 20)), max_size=60))
def test_it_never_stays_shut(happenings):
    """Whatever happened, ten seconds of quiet later a request is let through, or one was and has not told yet."""
    breaker, at = Breaker(failures=3, within_s=30, rest_s=10), 0.0
    for what, pause in happenings:
        at += pause
        match what:
            case "ask":
                wait = breaker.admit(at)
                assert wait is None or 0 < wait <= 10
            case "worked":
                breaker.worked()
            case "failed":
                breaker.failed(at)
            case _:
                breaker.left(at)
    breaker.left(at)
    assert breaker.admit(at + 10) is None
