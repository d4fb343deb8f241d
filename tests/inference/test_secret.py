import copy
import json
import logging
import pickle

import pytest

from vivavoce.inference.secret import Secret

KEY = Secret("sk-canary")


def test_a_secret_never_shows_when_it_is_printed(caplog):
    logging.getLogger("test").warning("key %s, %r", KEY, {"key": KEY})
    shown = f"{KEY} {KEY!r} {[KEY]}"
    assert "canary" not in shown + caplog.text
    assert str(KEY) == "<secret>"


@pytest.mark.parametrize("dump", [pickle.dumps, json.dumps, copy.copy])
def test_a_secret_is_not_dumped(dump):
    with pytest.raises(TypeError):
        dump(KEY)


def test_a_secret_is_given_out_only_when_asked():
    assert KEY.reveal() == "sk-canary"
    assert not hasattr(KEY, "__dict__")


def test_secrets_compare_by_value_and_the_empty_one_is_false():
    assert Secret("sk-canary") == KEY
    assert Secret("other") != KEY
    assert KEY != "sk-canary"
    assert len({KEY, Secret("sk-canary")}) == 1
    assert not Secret("")
