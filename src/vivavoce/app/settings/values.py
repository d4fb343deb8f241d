"""Everything that can be set, as frozen values with their defaults; no part of the product reads the environment.

The text under a field is its documentation: docs/configuration.md and `vivavoce doctor` are made from it.
Numbers of the limits are those the threat model names; each part of the product gets only its section.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from vivavoce.errors import ConfigError
from vivavoce.inference.options import Asr, AutoAsr, AutoLlm, AutoTts, AutoVad, Llm, Tts, Vad
from vivavoce.inference.secret import Secret

Count = Annotated[int, Meta(ge=1)]
Milliseconds = Annotated[int, Meta(ge=0, le=3_600_000)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Bytes = Annotated[int, Meta(ge=1024, le=1 << 30)]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")]


class Server(Struct, frozen=True, kw_only=True):
    """Where the server listens, and whom it answers."""

    host: str = "127.0.0.1"
    """Address to bind: `127.0.0.1`, `::1` or `localhost`. Others are served with TLS only."""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8006
    """TCP port for pages and sockets; 0 takes any free one."""
    hosts: tuple[str, ...] = ()
    """Further names in the `Host` header that are answered, besides loopback's own."""
    origins: tuple[str, ...] = ()
    """Further web origins (`https://…`) whose pages may connect, besides the server's own."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose `X-Forwarded-For` and `-Proto` are believed."""
    processes: Count = 1
    """Gateways that share database and Redis; while Redis is away each keeps its share of the rate limits."""
    drain_s: Seconds = 30.0
    """Seconds that running replies get to finish when the server is told to stop."""


class Talk(Struct, frozen=True, kw_only=True):
    """What a conversation begins with where a client asks for nothing else."""

    language: Language = "en"
    """Language of the conversation, a primary tag such as `en` or `zh`."""
    voice: str | None = None
    """Voice of the synthesizer, one of `vivavoce models list`; without one the language's first."""
    system_prompt: Annotated[str, Meta(max_length=20_000)] = (
        "You are a helpful voice assistant. Your words are spoken aloud: answer in one to three short sentences, "
        "without lists, markup or emoji."
    )
    """What a language model is told before the conversation."""


class Turn(Struct, frozen=True, kw_only=True):
    """Turn-taking: when a person has finished, and what happens when one speaks over a reply."""

    patience: Annotated[float, Meta(ge=0.5, le=3)] = 1.0
    """Factor on all waits below: above 1 for people who think while they speak."""
    endpoint_min_ms: Milliseconds = 300
    """Silence that ends a turn whose words are complete, and where no words are known before its end."""
    endpoint_default_ms: Milliseconds = 600
    """Silence that ends a turn whose words say neither."""
    endpoint_hanging_ms: Milliseconds = 1200
    """Silence that ends a turn whose words hang in the air (`set a timer for`)."""
    endpoint_max_ms: Milliseconds = 2500
    """No silence has to be longer than this, whatever the patience."""
    preempt: bool = True
    """Prepare the reply at the first plausible end of speech; nothing of it is heard before the turn is over."""
    duck_gain: Annotated[float, Meta(ge=0, le=1)] = 0.3
    """Loudness of a reply while it is not yet known whether somebody really speaks over it."""

    def __post_init__(self) -> None:
        steps = (self.endpoint_min_ms, self.endpoint_default_ms, self.endpoint_hanging_ms, self.endpoint_max_ms)
        if steps[0] == 0 or list(steps) != sorted(steps):
            raise ConfigError(
                "turn: 0 < endpoint_min_ms ≤ endpoint_default_ms ≤ endpoint_hanging_ms ≤ endpoint_max_ms "
                f"does not hold for {', '.join(map(str, steps))}"
            )


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds of what one client, one turn and one wait may take; reaching one is an event with a reason."""

    slots: Count = 400
    """Duplex sessions and turn-based turns that run at once; more wait in the queue."""
    queue: Count = 100
    """Clients that wait for a slot; more are refused with `queue_full`."""
    queue_wait_s: Seconds = 600.0
    """Longest wait for a slot."""
    connections: Count = 15_000
    """Open WebSockets; further ones are refused with `overloaded`."""
    http_head_bytes: Bytes = 16 << 10
    """Largest head of an HTTP request: its first line and its fields."""
    http_fields: Count = 100
    """Header fields of an HTTP request."""
    http_head_s: Seconds = 10.0
    """Time for the head of an HTTP request, from the connection or from the first byte on."""
    http_body_bytes: Bytes = 256 << 10
    """Largest body of an HTTP request; it has to come at 1 KiB a second or more."""
    first_message_s: Seconds = 10.0
    """Time for the first message after a socket opens."""
    ping_s: Annotated[int, Meta(ge=1, le=3600)] = 30
    """A socket that was silent this long is pinged, and closed when it stays silent as long again."""
    session_s: Seconds = 14_400.0
    """Longest session."""
    pause_s: Seconds = 300.0
    """Longest pause of a session."""
    resume_s: Seconds = 60.0
    """A session whose connection dropped is kept this long."""
    lease_idle_s: Seconds = 60.0
    """A turn-based conversation that asks for nothing gives its slot back after this."""
    silence_s: Annotated[float, Meta(gt=0, le=86_400)] = 1800.0
    """A session in which nobody says anything this long ends as `idle`."""
    utterance_s: Annotated[float, Meta(gt=0, le=600)] = 60.0
    """Longest utterance; what was said is then taken as the turn."""
    reply_s: Annotated[float, Meta(gt=0, le=3600)] = 300.0
    """Longest reply."""
    duplex_message_bytes: Bytes = 1 << 20
    """Largest message on `/ws/duplex`."""
    duplex_bytes_s: Bytes = 96 << 10
    """Bytes of sound a second on `/ws/duplex`, with a burst of two seconds."""
    streaming_message_bytes: Bytes = 8 << 20
    """Largest message on `/ws/streaming`."""
    streaming_bytes_s: Bytes = 4 << 20
    """Bytes a second on `/ws/streaming`, with a burst of two seconds."""
    resume_sound_s: Seconds = 30.0
    """Sound that a client may have kept while it was away, and send faster than real time."""
    pictures_per_s: Annotated[float, Meta(gt=0, le=30)] = 2.0
    """Camera frames a second; the rest is dropped with `too_fast`."""
    send_bytes: Bytes = 256 << 10
    """Bytes that wait for a slow client."""
    send_blocked_s: Seconds = 5.0
    """A client that takes nothing for this long is cut off as `slow_client`."""
    errors_in_10_s: Count = 20
    """Mistakes of a client in ten seconds that close its socket."""
    backend_requests: Count = 512
    """Utterances, replies or clauses that one back-end works on at once; as many more wait for two seconds."""
    asr_s: Seconds = 5.0
    """Wait for the final text after the end of speech."""
    first_token_s: Seconds = 10.0
    """Wait for a language model's first word."""
    first_sound_s: Seconds = 5.0
    """Wait for a clause's first sound."""


class Rates(Struct, frozen=True, kw_only=True):
    """How often anybody may ask, and over how many connections. Beyond it 429 `rate_limited` says when to come back.

    Addresses of this machine itself are limited only where somebody signs in.
    """

    sign_in: Count = 30
    """Sign-ins, refreshes, links and looks at shared conversations a minute of one address."""
    read: Count = 50
    """Reads a second of one user, four seconds of them at once."""
    write: Count = 10
    """Changes a second of one user, five seconds of them at once."""
    address: Count = 300
    """Reads or changes a second of one address, three seconds of them at once."""
    search: Count = 30
    """Searches, exports and downloads a minute of one user; twice as many of one address."""
    conversation: Count = 10
    """Conversations that one user begins in a minute; six times as many of one address."""
    conversations_at_once: Count = 5
    """Conversations that one user has open in a process."""
    live: Count = 20
    """Pages that one user begins to watch in a minute; three times as many of one address."""
    live_at_once: Count = 10
    """Pages that one user watches with in a process."""
    strangers: Count = 500
    """Connections over which nobody has shown yet who they are; of more the oldest idle one goes."""
    connections: Count = 200
    """Connections of one address. This machine itself and trusted proxies are not counted."""


class OpenAI(Struct, frozen=True, kw_only=True):
    """An OpenAI-compatible server, for every back-end named `openai` that says nothing else."""

    base_url: str | None = None
    """Address of its API, such as `http://127.0.0.1:8000/v1`. Also read from `OPENAI_BASE_URL`."""
    api_key: Secret | None = None
    """Its key. Also read from `OPENAI_API_KEY`."""


class Ollama(Struct, frozen=True, kw_only=True):
    """An Ollama, for the language model."""

    base_url: str = "http://127.0.0.1:11434"
    """Its address. Also read from `OLLAMA_HOST`."""


class Data(Struct, frozen=True, kw_only=True):
    """Where things are kept. The defaults need nothing but a folder; several processes share the scaled twins."""

    folder: str = ""
    """Folder of database, recordings, keys and spool; empty: `vivavoce` in the user's own data folder."""
    database: Secret | None = None
    """`postgresql://user:password@host/name`; without it SQLite in the folder."""
    redis: Secret | None = None
    """`redis://host:6379/0` for cache and bus; without it they live in this process, so there may be only one."""
    blobs: str = ""
    """`s3://bucket/prefix` (keys: the usual `AWS_…` variables) or a folder's whole path; empty: in the folder above."""
    blobs_endpoint: str = ""
    """Address of an S3-compatible server, such as MinIO's `http://127.0.0.1:9000`."""
    keys: str = ""
    """File with the keys that seal words, sound and secrets at rest (`vivavoce keys new`); empty: nothing is sealed."""
    keys_text: Secret | None = None
    """The keys themselves, where there is no file. Also read from `VIVAVOCE_KEYS`."""
    index_plaintext: bool = False
    """Keep words searchable although they are sealed: the search index then holds them in the clear."""


class Accounts(Struct, frozen=True, kw_only=True):
    """Who may come in, and for how long."""

    guests: bool = False
    """Let people talk who have not signed in; nothing of it is kept. Only on this machine's own addresses."""
    access_s: Annotated[int, Meta(ge=60, le=3600)] = 600
    """Life of an access token."""
    refresh_idle_s: Annotated[int, Meta(ge=3600)] = 14 * 86_400
    """A sign-in that is not used for so long ends; an administrator's after 12 hours at most."""
    refresh_s: Annotated[int, Meta(ge=3600)] = 30 * 86_400
    """A sign-in ends after so long in any case; an administrator's after 7 days at most."""
    link_s: Annotated[int, Meta(ge=60, le=86_400)] = 900
    """Life of a sign-in link."""
    ticket_s: Annotated[int, Meta(ge=5, le=300)] = 30
    """Life of a ticket for one WebSocket."""
    token_days: Annotated[int, Meta(ge=1, le=366)] = 365
    """Longest life of a token for scripts."""
    hashes: Annotated[int, Meta(ge=1, le=16)] = 2
    """Passwords that are checked at once; 32 wait, more are told to come back. Each takes 64 MiB."""


class History(Struct, frozen=True, kw_only=True):
    """What is kept of conversations of people who have signed in."""

    transcript_days: Annotated[int, Meta(ge=0, le=3650)] = 365
    """Days that words are kept; 0: only as long as the conversation."""
    recording_days: Annotated[int, Meta(ge=0, le=3650)] = 30
    """Days that sound is kept once the person has said yes; 0: no sound at all, and nobody is asked."""
    recording_bytes: Annotated[int, Meta(ge=0)] = 20 << 30
    """Room for recordings; the oldest go first."""
    spool_bytes: Annotated[int, Meta(ge=1 << 20)] = 2 << 30
    """Room for sound that waits to be stored."""
    share_days: Annotated[int, Meta(ge=1, le=90)] = 7
    """Life of a share link where nothing else is said."""


class Tls(Struct, frozen=True, kw_only=True):
    """Encryption of what leaves this machine. Addresses other than its own are served with TLS only."""

    certificate: str = ""
    """PEM file with the chain; empty off loopback: one is made, and its fingerprint printed."""
    key: str = ""
    """PEM file of its private key."""
    behind_proxy: bool = False
    """A proxy in `server.trusted_proxies` ends TLS; then plain HTTP is taken from it alone."""


class Observe(Struct, frozen=True, kw_only=True):
    """What the server tells its operator. Nothing that people say is ever written."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least important line that is written."""
    log_format: Literal["text", "json"] = "text"
    """`json`: one object a line, for log collectors."""
    otlp: str = ""
    """Address of an OpenTelemetry collector (`http://127.0.0.1:4318`); empty: no traces."""
    metrics_port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    """Also serve /metrics without a token at this port of 127.0.0.1; 0: not."""


class Settings(Struct, frozen=True, kw_only=True):
    """All of it."""

    server: Server = Server()
    talk: Talk = Talk()
    turn: Turn = Turn()
    vad: Vad = AutoVad()
    asr: Asr = AutoAsr()
    llm: Llm = AutoLlm()
    tts: Tts = AutoTts()
    openai: OpenAI = OpenAI()
    ollama: Ollama = Ollama()
    data: Data = Data()
    accounts: Accounts = Accounts()
    history: History = History()
    tls: Tls = Tls()
    limits: Limits = Limits()
    rates: Rates = Rates()
    observe: Observe = Observe()
