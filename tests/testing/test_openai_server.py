"""The server for journeys does what its script says, to a client that is not ours."""

import asyncio
import json
import sys

import httpx
import pytest

from vivavoce.inference.ports import ToolCall
from vivavoce.testing.openai_server import OpenAIServer, tone, wav_header

pytestmark = pytest.mark.journey


def chat(text, **more):
    return {"model": "test-model", "messages": [{"role": "user", "content": text}], "stream": True, **more}


async def events(http, url, payload):
    async with http.stream("POST", url, json=payload) as response:
        return [line.removeprefix("data: ") async for line in response.aiter_lines() if line]


async def test_it_answers_from_its_script_one_reply_after_another():
    async with (
        OpenAIServer("one two", lambda asked: asked["messages"][0]["content"]) as server,
        httpx.AsyncClient() as http,
    ):
        url = server.base_url + "/chat/completions"
        first, second, third = [await events(http, url, chat(text)) for text in ("a", "b", "c")]
    deltas = [json.loads(event)["choices"][0]["delta"] for event in first[:-2]]
    assert [delta.get("content") for delta in deltas] == ["", "one", " two", None]
    assert json.loads(first[-2])["usage"]["completion_tokens"] == 2
    assert first[-1] == "[DONE]"
    assert '"b"' in second[1]
    assert '"c"' in third[1]


async def test_a_tool_call_comes_in_pieces():
    async with OpenAIServer(ToolCall("c1", "clock", {"zone": "x"})) as server, httpx.AsyncClient() as http:
        lines = await events(http, server.base_url + "/chat/completions", chat("time?"))
    calls = [
        call
        for line in lines[:-1]
        for choice in json.loads(line)["choices"]
        for call in choice["delta"].get("tool_calls", [])
    ]
    assert calls[0]["function"]["name"] == "clock"
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"zone": "x"}


async def test_models_key_and_unknown_paths():
    async with OpenAIServer(models=("a", "b"), key="k") as server, httpx.AsyncClient() as http:
        assert (await http.get(server.base_url + "/models")).status_code == 401
        http.headers["Authorization"] = "Bearer k"
        listed = (await http.get(server.base_url + "/models")).json()
        assert [model["id"] for model in listed["data"]] == ["a", "b"]
        assert (await http.get(server.base_url + "/nothing")).status_code == 404


async def test_speech_is_a_tone_as_long_as_its_text():
    asked = {"model": "m", "input": "hello", "voice": "v", "response_format": "pcm"}
    async with OpenAIServer() as server, httpx.AsyncClient() as http:
        url = server.base_url + "/audio/speech"
        assert (await http.post(url, json=asked)).content == tone(0.25, 24_000)
        wav = (await http.post(url, json=asked | {"response_format": "wav"})).content
    assert wav == wav_header(24_000) + tone(0.25, 24_000)


async def test_a_hanging_answer_ends_with_the_server():
    async with OpenAIServer() as server, httpx.AsyncClient() as http:
        server.trouble["/models"] = "hang"
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(failing(http.get(server.base_url + "/models")))
            while not server.asked:  # noqa: ASYNC110 - real sockets: the request is on its way
                await asyncio.sleep(0.001)
            await server.aclose()
    assert isinstance(asking.result(), httpx.HTTPError)


async def failing(work):
    try:
        return await work
    except httpx.HTTPError as error:
        return error


async def test_it_runs_by_itself_for_people():
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vivavoce.testing.openai_server", "--port", "0", "--reply", "hi there"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        line = (await process.stdout.readline()).decode().strip()
        base_url = line.removeprefix("OPENAI_BASE_URL=")
        async with httpx.AsyncClient() as http:
            lines = await events(http, base_url + "/chat/completions", chat("hello"))
        assert '" there"' in lines[2]
    finally:
        process.terminate()
        await process.communicate()
