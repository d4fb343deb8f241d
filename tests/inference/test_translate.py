"""No error of a foreign library leaves the room as it is; none of ours and no bug is hidden."""

import asyncio
import json

import httpx
import msgspec
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as onnx

from vivavoce.errors import BackendError, BackendTimeout, BackendUnavailable, Closed
from vivavoce.inference.translate import translating


def ours(error):
    """What comes out of the block for `error`."""
    with pytest.raises(BackendError) as caught, translating("the model", "llm_failed"):
        raise error
    return caught.value


def made(kind):
    """An instance of an exception class, whatever its constructor asks for."""
    return kind.__new__(kind, "foreign words")


def httpx_exceptions():
    """All of them, found in the library itself, so that a new release cannot bring one that we miss."""
    return [thing for thing in vars(httpx).values() if isinstance(thing, type) and issubclass(thing, Exception)]


@pytest.mark.parametrize("kind", httpx_exceptions(), ids=lambda kind: kind.__name__)
def test_no_httpx_error_is_missed(kind):
    error = ours(made(kind))
    assert error.code == "llm_failed"
    assert isinstance(error, BackendTimeout) == issubclass(kind, httpx.TimeoutException)
    assert isinstance(error.__cause__, kind)


def test_the_walk_over_httpx_finds_the_tree():
    assert {httpx.ReadTimeout, httpx.ConnectError, httpx.InvalidURL, httpx.StreamClosed} <= set(httpx_exceptions())


@pytest.mark.parametrize(
    "kind",
    [thing for thing in vars(onnx).values() if isinstance(thing, type) and issubclass(thing, Exception)],
    ids=lambda kind: kind.__name__,
)
def test_no_onnxruntime_error_is_missed(kind):
    assert type(ours(made(kind))) in (BackendError, BackendUnavailable)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), BackendTimeout),
        (httpx.ConnectTimeout(""), BackendTimeout),
        (httpx.ConnectError(""), BackendUnavailable),
        (ConnectionRefusedError(), BackendUnavailable),
        (FileNotFoundError("model.onnx"), BackendUnavailable),
        (ModuleNotFoundError("pocketsphinx"), BackendUnavailable),
        (ConnectionResetError(), BackendError),
        (json.JSONDecodeError("", "", 0), BackendError),
        (msgspec.ValidationError(), BackendError),
        (UnicodeDecodeError("utf-8", b"", 0, 1, ""), BackendError),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_each_error_becomes_the_one_that_says_what_to_do(error, kind):
    assert type(ours(error)) is kind


def test_only_what_may_be_tried_again_is_retryable():
    assert ours(httpx.ReadError("")).retryable
    assert ours(httpx.ReadTimeout("")).retryable
    assert not ours(httpx.ConnectError("")).retryable


def test_the_message_never_quotes_the_foreign_one():
    error = ours(httpx.ReadError("Bearer sk-secret said 'my password is swordfish'"))
    assert "sk-secret" not in str(error)
    assert "swordfish" not in str(error)
    assert str(error) == "the model failed on the way (ReadError)"


def test_our_own_errors_pass_and_get_the_code_when_they_have_none():
    assert ours(BackendTimeout("slow")).code == "llm_failed"
    assert ours(BackendError("no voice", code="tts_failed")).code == "tts_failed"
    with pytest.raises(Closed), translating("the model", "llm_failed"):
        raise Closed


@pytest.mark.parametrize("error", [KeyError("bug"), asyncio.CancelledError(), GeneratorExit()])
def test_bugs_and_cancellation_pass(error):
    with pytest.raises(type(error)), translating("the model", "llm_failed"):
        raise error
