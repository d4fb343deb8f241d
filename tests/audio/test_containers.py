from __future__ import annotations

import io
import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.audio import containers
from vivavoce.audio.containers import ReadLimits, chunks, read, wav
from vivavoce.audio.pcm import Pcm
from vivavoce.audio.translate import translating
from vivavoce.errors import BadAudio


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> Pcm:
    time = np.arange(round(rate * seconds)) / rate
    return Pcm(np.round(8_000 * np.sin(2 * np.pi * hertz * time)).astype("<i2").tobytes(), rate)


def pitch(pcm: Pcm) -> float:
    spectrum = np.abs(np.fft.rfft(pcm.samples.astype(float) * np.hanning(len(pcm))))
    return float(np.argmax(spectrum)) * pcm.rate / len(pcm)


def encoded(container: str, codec: str, pcm: Pcm) -> bytes:
    """`pcm` in that container, written by FFmpeg."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=pcm.rate, layout="mono")
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=pcm.rate, frame_size=stream.frame_size)
        frame = av.AudioFrame.from_ndarray(pcm.samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = pcm.rate
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return out.getvalue()


FORMATS = [
    ("wav", "pcm_s16le"),
    ("wav", "pcm_f32le"),
    ("ogg", "libopus"),
    ("flac", "flac"),
    ("mp3", "libmp3lame"),
    ("webm", "libopus"),
    ("matroska", "pcm_s16le"),
]


@pytest.mark.parametrize(("container", "codec"), FORMATS, ids=[f"{one} {other}" for one, other in FORMATS])
def test_every_known_format_is_read_at_the_wanted_rate(container: str, codec: str) -> None:
    pcm = read(encoded(container, codec, tone(48_000)), 16_000)
    assert pcm.rate == 16_000
    assert pcm.ms == pytest.approx(1000, abs=60)
    assert pitch(pcm) == pytest.approx(440, abs=3)


def test_wav_and_flac_come_back_exactly() -> None:
    pcm = tone(16_000, 0.5)
    assert read(wav(pcm), 16_000) == pcm
    assert read(encoded("flac", "flac", pcm), 16_000) == pcm


def test_stereo_is_mixed_down() -> None:
    left, right = tone(16_000, 0.1), Pcm(bytes(3200), 16_000)
    mixed = read(wav(left, right), 16_000).samples
    assert np.abs(mixed - left.samples / 2).max() <= 1


def test_raw_sound_needs_its_rate() -> None:
    pcm = tone(8_000)
    assert len(read(pcm.data, 16_000, raw_rate=8_000)) == 16_000
    with pytest.raises(BadAudio, match="unknown sound format"):
        read(pcm.data, 16_000)
    with pytest.raises(BadAudio, match="whole number"):
        read(b"odd", 16_000, raw_rate=16_000)


def test_a_file_is_read_piece_by_piece_with_its_progress(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    path.write_bytes(encoded("flac", "flac", tone(16_000, 30)))
    shares: list[float] = []
    pieces = list(chunks(path, 16_000, progress=shares.append))
    assert b"".join(pieces) == tone(16_000, 30).data
    assert len(pieces) > 20
    assert shares == sorted(set(shares))
    assert shares[-1] == 1.0
    assert len(shares) > 5


def test_only_what_is_asked_for_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    path.write_bytes(encoded("flac", "flac", tone(16_000, 30)))
    shares: list[float] = []
    pieces = chunks(path, 16_000, progress=shares.append)
    next(pieces)
    next(pieces)
    assert max(shares) < 0.5
    pieces.close()  # type: ignore[attr-defined]


def test_the_name_of_a_file_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp3"
    path.write_bytes(wav(tone(16_000, 0.1)))
    assert len(read(path, 16_000)) == 1600


def test_what_cannot_be_opened_is_bad_audio(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="no file"):
        read(tmp_path / "missing.wav", 16_000)
    with pytest.raises(BadAudio, match="no file"):
        read(tmp_path, 16_000)


def test_limits_of_size_and_duration() -> None:
    sound = wav(tone(16_000, 2.0))
    with pytest.raises(BadAudio, match="bytes"):
        read(sound, 16_000, limits=ReadLimits(size=1000))
    with pytest.raises(BadAudio, match="longer than 1 s"):
        read(sound, 16_000, limits=ReadLimits(seconds=1))


def test_a_small_file_of_endless_silence_is_stopped_at_the_limit() -> None:
    bomb = encoded("flac", "flac", Pcm(bytes(2 * 48_000 * 120), 48_000))
    assert len(bomb) < 100_000
    with pytest.raises(BadAudio, match="longer"):
        read(bomb, 16_000, limits=ReadLimits(seconds=10))


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{path}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{path}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{path}</BaseURL></MPD>',
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.wav"
    path.write_bytes(wav(tone(16_000, 0.1)))
    return path


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlist_upload_reads_nothing(kind: str, secret: Path) -> None:
    with pytest.raises(BadAudio, match="unknown sound format"):
        read(PLAYLISTS[kind].format(path=secret).encode(), 16_000)


@pytest.mark.parametrize("kind", ["hls", "concat"])
def test_a_playlist_behind_a_known_head_would_still_open_nothing(kind: str, secret: Path) -> None:
    playlist = io.BytesIO(PLAYLISTS[kind].format(path=secret).encode())
    with pytest.raises(BadAudio), translating(kind), containers._container(playlist, kind) as container:
        list(container.decode(audio=0))


def with_channels(count: int) -> bytes:
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 0, b"WAVE", b"fmt ", 16, 1, count, 16_000, 0, 2 * count, 16, b"data", 0
    )
    return head + bytes(2 * count)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"RIFF\0\0\0\0WAVE",
        b"OggS" + bytes(100),
        b"fLaC" + b"\xff" * 100,
        b"\x1aE\xdf\xa3" + bytes(100),
        b"ID3" + bytes(200),
        b"\xff\xfb" + bytes(200),
        b"\xff\xf1" + bytes(200),
        b"<html><script>alert(1)</script>",
        with_channels(64),
        wav(tone(16_000, 0.1))[:44],
    ],
    ids=range(12),
)
def test_what_is_no_sound_is_bad_audio(content: bytes) -> None:
    with pytest.raises(BadAudio):
        read(content, 16_000)


def test_a_truncated_file_gives_what_is_there() -> None:
    whole = encoded("ogg", "libopus", tone(48_000, 2.0))
    assert 500 < read(whole[: len(whole) * 2 // 3], 16_000).ms < 2000


def test_a_decoder_nobody_needs_is_refused() -> None:
    with pytest.raises(BadAudio, match="is not read"):
        read(encoded("matroska", "ac3", tone(48_000)), 16_000)


def broken(content: bytes, at: list[tuple[int, int]]) -> bytes:
    out = bytearray(content)
    for place, value in at:
        out[place % len(out)] = value
    return bytes(out)


CONTENTS = [encoded(container, codec, tone(16_000, 0.2)) for container, codec in FORMATS]


@given(
    st.integers(0, len(FORMATS) - 1),
    st.lists(st.tuples(st.integers(0, 9_999) | st.integers(0, 60), st.integers(0, 255)), max_size=20),
)
def test_a_damaged_file_is_sound_or_bad_audio(which: int, at: list[tuple[int, int]]) -> None:
    try:
        read(broken(CONTENTS[which], at), 16_000, limits=ReadLimits(seconds=5))
    except BadAudio:
        return


def test_written_wav_is_read_by_others() -> None:
    left, right = tone(24_000, 0.2), tone(24_000, 0.1)
    with wave.open(io.BytesIO(wav(left, right))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 24_000, 4_800)
        both = np.frombuffer(file.readframes(4_800), "<i2").reshape(-1, 2)
    assert (both[:, 0] == left.samples).all()
    assert (both[:2400, 1] == right.samples).all()
    assert not both[2400:, 1].any()


def test_tracks_of_two_rates_are_no_stereo() -> None:
    with pytest.raises(BadAudio):
        wav(tone(16_000), tone(24_000))


def test_foreign_errors_become_bad_audio() -> None:
    def raising() -> Iterator[Exception]:
        yield av.error.InvalidDataError(1, "broken")
        yield av.error.OSError(5, "no such thing", "/etc/passwd")
        yield ValueError("no such layout")

    for error in raising():
        with pytest.raises(BadAudio) as caught, translating("file"):
            raise error
        assert "/etc/passwd" not in str(caught.value)
    with pytest.raises(KeyError), translating("file"):
        raise KeyError
