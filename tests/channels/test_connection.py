from __future__ import annotations

import asyncio
import logging

import pytest

from channels.actors import Echo, Stage, settled
from vivavoce.channels.limits import SocketLimits
from vivavoce.conversation import outputs
from vivavoce.errors import BackendError, BadAudio, Refused
from vivavoce.wire.base import QueueDone


def started(group: asyncio.TaskGroup, channel: Echo, limits: SocketLimits | None = None) -> Stage:
    stage = Stage(group, limits)
    stage.connection.channel = channel
    return stage


async def test_a_peer_that_says_nothing_is_told_so_after_ten_seconds() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo())
        await asyncio.sleep(9.9)
        assert stage.tape.closed is None
        await asyncio.sleep(0.2)
        assert stage.tape.errors == ["first_message_timeout"]
        assert stage.tape.closed == (1008, "first_message_timeout")


async def test_one_message_of_any_kind_is_enough() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo())
        stage.sound(b"\0\0")
        await asyncio.sleep(60)
        assert stage.tape.closed is None


async def test_an_error_is_told_and_the_socket_stays_open() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo(raises=BadAudio("odd")))
        stage.say({})
        (error,) = stage.tape.messages
        assert error == {"type": "error", "code": "bad_audio", "message": "odd", "retryable": False, "fatal": False}
        assert stage.tape.closed is None
        stage.connection.lost()


async def test_a_refusal_closes_with_its_number_and_says_when_to_come_back() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo(raises=Refused("full", code="queue_full", retry_after_s=3)))
        stage.say({})
        (error,) = stage.tape.messages
        assert (error["code"], error["fatal"], error["retryable"], error["retry_after_s"]) == (
            "queue_full",
            True,
            True,
            3,
        )
        assert stage.tape.closed == (1013, "queue_full")


async def test_a_fault_of_ours_is_logged_and_ends_this_socket_only(caplog: pytest.LogCaptureFixture) -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo(raises=ZeroDivisionError("secret words")))
        with caplog.at_level(logging.ERROR):
            stage.say({})
        assert caplog.records
        assert stage.tape.errors == ["internal"]
        assert "secret" not in str(stage.tape.messages)
        assert stage.tape.closed == (1011, "internal")


async def test_a_fault_in_spawned_work_ends_this_socket_only() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo())

        async def fails() -> None:
            raise KeyError("x")

        stage.connection.spawn(fails, "fails")
        await settled()
        assert stage.tape.closed == (1011, "internal")


async def test_a_fault_in_the_numbers_of_an_output_does_not_reach_its_session() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo())
        countless = outputs.QueueDone(waited_ms="soon")  # type: ignore[arg-type]
        stage.connection.deliver(lambda output: None, countless)
        assert stage.tape.closed == (1011, "internal")


async def test_twenty_errors_in_ten_seconds_are_too_many() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo(raises=BadAudio("odd")))
        for _ in range(20):
            assert stage.tape.closed is None
            stage.say({})
        assert stage.tape.errors == ["bad_audio"] * 20 + ["too_many_errors"]
        assert stage.tape.closed == (1008, "too_many_errors")


async def test_errors_far_apart_are_not_too_many() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo(raises=BadAudio("odd")))
        for _ in range(100):
            stage.say({})
            await asyncio.sleep(0.6)
        assert stage.tape.closed is None
        stage.connection.lost()


async def test_a_flood_is_told_of_itself_four_times_a_second() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo())
        for _ in range(1_000):
            stage.connection.fail("too_fast", "slow down")
            await asyncio.sleep(0.001)
        assert 4 <= len(stage.tape.errors) <= 5
        stage.connection.lost()


async def test_a_reader_that_stops_for_five_seconds_is_cut() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo())
        stage.say({})
        stage.connection.blocked()
        await asyncio.sleep(4.9)
        assert not stage.tape.was_cut
        await asyncio.sleep(0.2)
        assert stage.tape.was_cut
        assert stage.tape.closed == (1008, "slow_client")


async def test_a_reader_that_goes_on_in_time_is_not_cut() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo())
        stage.say({})
        stage.connection.blocked()
        await asyncio.sleep(4.9)
        stage.connection.unblocked()
        await asyncio.sleep(10)
        assert stage.tape.closed is None


async def test_a_send_buffer_four_times_over_its_size_is_the_end_at_once() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo())
        stage.tape.unread = 4 * (256 << 10) + 1
        stage.connection.send(QueueDone(0))
        assert stage.tape.was_cut
        stage.connection.lost()


async def test_nothing_is_sent_or_heard_after_the_close() -> None:
    async with asyncio.TaskGroup() as group:
        channel = Echo()
        stage = started(group, channel)
        stage.connection.close(1000, "stopped")
        stage.connection.close(1011, "internal")
        stage.connection.send(QueueDone(0))
        stage.connection.send_sound(1, 0, b"\0\0")
        stage.connection.fail("internal", "")
        stage.say({})
        stage.sound(b"\0\0")
        assert stage.tape.closed == (1000, "stopped")
        assert (stage.tape.messages, stage.tape.sound) == ([], [])
        assert (channel.texts, channel.sounds) == ([], [])


async def test_the_channel_hears_once_that_the_socket_is_gone_and_no_timer_stays() -> None:
    async with asyncio.TaskGroup() as group:
        channel = Echo()
        stage = started(group, channel)
        stage.connection.lost()
        await asyncio.sleep(60)
        assert channel.closes == 1
        assert stage.tape.messages == []


async def test_an_unknown_code_of_a_back_end_shows_as_internal() -> None:
    async with asyncio.TaskGroup() as group:
        stage = started(group, Echo(raises=BackendError("x", code="model_ate_itself")))
        stage.say({})
        assert stage.tape.errors == ["internal"]
