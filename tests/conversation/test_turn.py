"""The turn machine, as scripts: what happened on the left, what follows on the right."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.audio.segmenter import Confirmed, Dismissed, Ended, Onset
from vivavoce.conversation.events import (
    Announce,
    Arm,
    Cancel,
    Command,
    Commit,
    Discard,
    Emit,
    End,
    Event,
    Final,
    FirstSound,
    Forget,
    Listen,
    Partial,
    Prepare,
    RecognitionFailed,
    Relisten,
    ReplyOver,
    Seal,
    Settle,
    TimerFired,
)
from vivavoce.conversation.inputs import Commit as UserCommit
from vivavoce.conversation.inputs import Interrupt, UserText
from vivavoce.conversation.interruption import RuleJudge
from vivavoce.conversation.outputs import (
    Duck,
    Hold,
    Problem,
    Release,
    SpeechEnded,
    SpeechStarted,
    StateChanged,
    TranscriptUpdate,
)
from vivavoce.conversation.turn import TurnMachine, TurnPolicy
from vivavoce.inference.ports import Transcript


class Script:
    """A machine with its timers, in audio time."""

    def __init__(self, policy: TurnPolicy | None = None) -> None:
        self.machine = TurnMachine(policy or TurnPolicy(), RuleJudge())
        self.timers: dict[str, int] = {}
        self.at = 0
        self.log: list[Command] = []
        self._note(self.machine.start())

    def _note(self, commands: Sequence[Command]) -> list[Command]:
        for command in commands:
            if isinstance(command, Arm):
                self.timers[command.name] = command.at
            elif type(command).__name__ == "Disarm":
                self.timers.pop(command.name, None)
        self.log.extend(commands)
        return list(commands)

    def __call__(self, event: Event, at: int | None = None) -> list[Command]:
        """Give an event; the commands that are neither timers nor states."""
        if at is not None:
            self.wait_until(at)
        return shown(self._note(self.machine.handle(event, self.at)))

    def wait_until(self, at: int) -> list[Command]:
        """Let audio time pass; timers fire on their way."""
        before = len(self.log)
        while due := [(moment, name) for name, moment in self.timers.items() if moment <= at]:
            moment, name = min(due)
            del self.timers[name]
            self.at = max(self.at, moment)
            self._note(self.machine.handle(TimerFired(name), self.at))
        self.at = max(self.at, at)
        return shown(self.log[before:])

    def speak(self, begin: int, end: int) -> None:
        self(Onset(begin), begin + 32)
        self(Confirmed(begin), begin + 96)
        self(Ended(end), end + 64)

    def reply_sounds(self, text: str = "what time is it") -> int:
        """Bring the machine to an audible reply; its number."""
        self.speak(1000, 2000)
        self(Final(self.settle, Transcript(text)))
        self.wait_until(2700)
        commit = self.last(Commit)
        self(FirstSound(commit.reply))
        return commit.reply

    @property
    def settle(self) -> int:
        return self.last(Settle).settle

    def last(self, kind: type[Command]) -> object:
        return next(command for command in reversed(self.log) if isinstance(command, kind))

    def emitted(self, kind: type) -> list[object]:
        return [c.output for c in self.log if isinstance(c, Emit) and isinstance(c.output, kind)]

    @property
    def state(self) -> str:
        return self.emitted(StateChanged)[-1].state


def shown(commands: Sequence[Command]) -> list[Command]:
    return [
        command
        for command in commands
        if type(command).__name__ not in ("Arm", "Disarm")
        and not (isinstance(command, Emit) and isinstance(command.output, StateChanged))
    ]


# ── the end of a turn ─────────────────────────────────────────────────────────────────────────────


def test_a_turn_is_prepared_at_the_first_plausible_end_and_committed_at_its_endpoint() -> None:
    script = Script()
    assert script(Onset(1000), 1032) == []
    assert script(Confirmed(1000), 1096) == [Listen(1, 1000), Emit(SpeechStarted(1000))]
    assert script(Ended(2000), 2064) == [Settle(1)]
    assert script(Final(1, Transcript("what time is it", 0.9)), 2164) == [
        Prepare(1, Transcript("what time is it", 0.9))
    ]
    assert script.wait_until(2299) == []
    assert script.wait_until(2300) == [
        Forget(),
        Emit(SpeechEnded(2000)),
        Emit(TranscriptUpdate(1, "what time is it", final=True, at=2000, confidence=0.9)),
        Commit(1, 1, 1, "what time is it", 2000),
    ]
    assert script.state == "thinking"


def test_a_recogniser_that_wants_to_hear_the_last_s_is_asked_a_moment_later() -> None:
    script = Script(TurnPolicy(tail=160))
    script(Onset(1000), 1032)
    script(Confirmed(1000), 1096)
    assert script(Ended(2000), 2064) == []
    assert script.wait_until(2159) == []
    assert script.wait_until(2160) == [Settle(1)]
    script(Onset(2170), 2192)
    assert script(Confirmed(2170), 2256) == [Relisten()]
    script(Ended(2500), 2564)
    script(Onset(2570), 2600)
    assert script(Confirmed(2570), 2650) == [], "nothing was asked for yet"
    assert not any(isinstance(command, Settle) for command in script.wait_until(2900))


def test_a_sentence_that_hangs_in_the_air_is_waited_for() -> None:
    script = Script()
    script.speak(1000, 2000)
    script(Final(1, Transcript("set a timer for")))
    assert not any(isinstance(c, Commit) for c in script.wait_until(3100))
    assert any(isinstance(c, Commit) for c in script.wait_until(3300))


def test_who_goes_on_before_the_endpoint_is_heard_as_one_utterance() -> None:
    script = Script()
    script.speak(1000, 2000)
    script(Final(1, Transcript("what time is it")))
    script(Onset(2160), 2192)
    assert script(Confirmed(2160), 2256) == [Discard(1), Relisten()]
    assert script(Ended(3000), 3064) == [Settle(2)]
    assert script(Final(1, Transcript("stale"))) == [], "the transcript of the first half is void"
    script(Final(2, Transcript("what time is it in london")))
    script.wait_until(3700)
    assert script.last(Commit) == Commit(2, 1, 1, "what time is it in london", 3000)


def test_an_onset_at_the_endpoint_postpones_the_commit_until_it_is_known() -> None:
    script = Script()
    script.speak(1000, 2000)
    script(Final(1, Transcript("what time is it")))
    script(Onset(2280), 2290)
    assert script.wait_until(2400) == []
    assert any(isinstance(c, Commit) for c in script(Dismissed(2440), 2440))


def test_a_late_transcript_commits_when_it_comes() -> None:
    script = Script()
    script.speak(1000, 2000)
    assert script.wait_until(2700) == []
    assert script.state == "recognising"
    assert any(isinstance(c, Commit) for c in script(Final(1, Transcript("what time is it")), 3000))


def test_noise_without_words_is_no_turn() -> None:
    script = Script()
    script.speak(1000, 2000)
    script(Final(1, Transcript("")))
    script.wait_until(5000)
    assert not script.emitted(Problem)
    assert script.state == "listening"
    assert not any(isinstance(c, Commit) for c in script.log)


def test_without_preemption_recognition_is_settled_only_at_the_endpoint() -> None:
    script = Script(TurnPolicy(preempt=False))
    script.speak(1000, 2000)
    assert not any(isinstance(c, Settle) for c in script.log)
    assert script.wait_until(2300) == [Settle(1)]
    commands = script(Final(1, Transcript("stop")))
    assert [type(c) for c in commands if not isinstance(c, Emit)] == [Forget, Prepare, Commit]


def test_a_button_ends_the_utterance_at_once() -> None:
    script = Script()
    script(Onset(1000), 1032)
    script(Confirmed(1000), 1096)
    assert script(UserCommit(), 1500) == [Settle(1), Seal()]
    assert any(isinstance(c, Commit) for c in script(Final(1, Transcript("set a timer for")), 1600))


def test_who_goes_on_after_the_button_begins_a_new_utterance() -> None:
    script = Script()
    script(Onset(1000), 1032)
    script(Confirmed(1000), 1096)
    script(UserCommit(), 1500)
    script(Onset(1520), 1552)
    assert script(Confirmed(1520), 1616) == []
    script(Ended(2500), 2564)
    commands = script(Final(1, Transcript("what time is it")), 2600)
    assert not any(isinstance(command, Relisten) for command in script.log)
    assert [type(command) for command in commands if not isinstance(command, Emit)] == [
        Forget,
        Prepare,
        Commit,
        Listen,
        Settle,
    ]
    assert script.last(Listen) == Listen(2, 1520)
    assert Emit(Hold(1)) in commands
    script(Final(2, Transcript("and in london")), 2700)
    script.wait_until(3500)
    assert script.last(Commit).said == "and in london"


def test_an_utterance_has_a_limit() -> None:
    script = Script()
    script(Onset(1000), 1032)
    script(Confirmed(1000), 1096)
    commands = script.wait_until(61_000)
    assert Emit(Problem("utterance_limit", "You spoke for a long time; here is an answer to that much.")) in commands
    assert Settle(1) in commands
    script(Onset(61_100), 61_132)
    script(Confirmed(61_100), 61_196)
    assert not any(isinstance(command, Relisten) for command in script.log), "the limit stands"
    assert any(isinstance(command, Commit) for command in script(Final(1, Transcript("so much")), 61_300))


def test_silence_has_a_limit() -> None:
    script = Script()
    assert script.wait_until(30 * 60_000) == [End("idle")]


def test_a_failed_recognition_is_told_and_forgotten() -> None:
    script = Script()
    script.speak(1000, 2000)
    script(RecognitionFailed(1, "the recogniser hangs"))
    assert script.emitted(Problem) == [Problem("asr_failed", "the recogniser hangs", retryable=True)]
    assert script.state == "listening"


# ── interruptions ─────────────────────────────────────────────────────────────────────────────────


def test_an_onset_ducks_and_a_dismissal_undoes_it() -> None:
    script = Script()
    reply = script.reply_sounds()
    assert script(Onset(5000), 5032) == [Emit(Duck(reply, 0.3))]
    assert script(Dismissed(5160), 5160) == [Emit(Duck(reply, 1.0))]


def test_a_backchannel_holds_and_resumes() -> None:
    script = Script()
    reply = script.reply_sounds()
    script(Onset(5000), 5032)
    assert Emit(Hold(reply)) in script(Confirmed(5000), 5096)
    script(Ended(5300), 5364)
    commands = script(Final(script.settle, Transcript("mhm")), 5464)
    assert commands[-2:] == [Emit(Release(reply)), Emit(Duck(reply, 1.0))]
    assert not any(isinstance(c, Cancel) for c in script.log)
    assert script.state == "speaking"


def test_words_cancel_and_become_a_turn() -> None:
    script = Script()
    reply = script.reply_sounds()
    script(Onset(5000), 5032)
    script(Confirmed(5000), 5096)
    assert Cancel(reply, "interrupted") in script(Partial("stop talking please"), 5400)
    script(Ended(6000), 6064)
    script(Final(script.settle, Transcript("stop talking please")))
    script.wait_until(7000)
    assert script.last(Commit).reply == reply + 1


def test_speech_that_nobody_understands_still_interrupts_in_time() -> None:
    script = Script()
    reply = script.reply_sounds()
    script(Onset(5000), 5032)
    script(Confirmed(5000), 5096)
    assert Cancel(reply, "interrupted") in script.wait_until(6200)


def test_a_reply_whose_sound_begins_while_somebody_begins_is_ducked() -> None:
    script = Script()
    script.speak(1000, 2000)
    script(Final(1, Transcript("what time is it")))
    script.wait_until(2700)
    script(Onset(2700), 2732)
    assert script(FirstSound(1)) == [Emit(Duck(1, 0.3))]


def test_a_reply_that_is_over_is_not_held() -> None:
    script = Script()
    reply = script.reply_sounds()
    script(Onset(5000), 5032)
    script(ReplyOver(reply))
    assert script(Confirmed(5000), 5096) == [Listen(2, 5000), Emit(SpeechStarted(5000))]


def test_the_stop_button_stops_and_keeps_listening() -> None:
    script = Script()
    reply = script.reply_sounds()
    assert script(Interrupt()) == [Cancel(reply, "stopped")]
    assert script.state == "listening"
    assert script(Interrupt()) == []


# ── typing and announcements ──────────────────────────────────────────────────────────────────────


def test_typed_words_are_a_turn_at_once_and_replace_what_is_said_or_sounding() -> None:
    script = Script()
    reply = script.reply_sounds()
    script(Onset(5000), 5032)
    script(Confirmed(5000), 5096)
    commands = script(UserText("what is the date"))
    assert Cancel(reply, "interrupted") in commands
    assert Forget() in commands
    assert commands[-1] == Commit(2, 2, 3, "what is the date", 5096)


def test_an_announcement_waits_until_nobody_speaks() -> None:
    script = Script()
    reply = script.reply_sounds()
    assert script(Announce("Your timer rings.")) == []
    assert script(ReplyOver(reply)) == [Prepare(2, Transcript(""), "Your timer rings."), Commit(2, 2, 0, "", script.at)]


# ── what always holds ─────────────────────────────────────────────────────────────────────────────

moves = st.lists(
    st.one_of(
        st.tuples(st.just("sound"), st.integers(20, 1500)),
        st.tuples(st.just("click"), st.just(0)),
        st.tuples(st.just("quiet"), st.integers(20, 4000)),
        st.tuples(st.just("partial"), st.sampled_from(["mhm", "stop", "what time", "what time is it"])),
        st.tuples(st.just("final"), st.sampled_from(["", "mhm", "stop", "what time is it", "set a timer for"])),
        st.tuples(st.just("failed"), st.just("")),
        st.tuples(st.just("first"), st.just(0)),
        st.tuples(st.just("over"), st.just(0)),
        st.tuples(st.just("text"), st.just("hello")),
        st.tuples(st.just("commit"), st.just(0)),
        st.tuples(st.just("interrupt"), st.just(0)),
        st.tuples(st.just("announce"), st.just("ring")),
    ),
    max_size=40,
)


@given(moves, st.booleans())
def test_whatever_happens(script_of_moves: list[tuple[str, object]], preempt: bool) -> None:
    script = Script(TurnPolicy(preempt=preempt))
    for move, value in script_of_moves:
        _play(script, move, value)
    _check_invariants(script.log)
    _bring_to_an_end(script)
    assert script.state == "listening", "every turn ends"


def _play(script: Script, move: str, value: object) -> None:
    settles = [c.settle for c in script.log if isinstance(c, Settle)]
    commits = [c.reply for c in script.log if isinstance(c, Commit)]
    match move:
        case "sound":
            begin = script.at
            script(Onset(begin), begin + 32)
            script(Confirmed(begin), begin + 96)
            script(Ended(begin + 96 + int(value)), begin + 160 + int(value))
        case "click":
            script(Onset(script.at), script.at + 32)
            script(Dismissed(script.at + 128), script.at + 128)
        case "quiet":
            script.wait_until(script.at + int(value))
        case "partial":
            script(Partial(str(value)))
        case "final" if settles:
            script(Final(settles[-1], Transcript(str(value))))
        case "failed" if settles:
            script(RecognitionFailed(settles[-1], "broke"))
        case "first" if commits:
            script(FirstSound(commits[-1]))
        case "over" if commits:
            script(ReplyOver(commits[-1]))
        case "text":
            script(UserText(str(value)))
        case "commit":
            script(UserCommit())
        case "interrupt":
            script(Interrupt())
        case "announce":
            script(Announce(str(value)))


def _check_invariants(log: Sequence[Command]) -> None:
    prepared: set[int] = set()
    finished: set[int] = set()
    numbers: list[int] = []
    cancelled: set[int] = set()
    for command in log:
        match command:
            case Prepare(attempt):
                assert attempt not in prepared
                prepared.add(attempt)
            case Discard(attempt):
                assert attempt in prepared - finished, "only what was prepared, and once"
                finished.add(attempt)
            case Commit(attempt, reply):
                assert attempt in prepared - finished
                finished.add(attempt)
                numbers.append(reply)
            case Cancel(reply):
                assert reply in numbers
                assert reply not in cancelled
                cancelled.add(reply)
            case Emit(Duck(reply) | Hold(reply) | Release(reply)):
                assert reply == numbers[-1], "nothing of an older generation"
                assert reply not in cancelled
    assert numbers == list(range(1, len(numbers) + 1))


def _bring_to_an_end(script: Script) -> None:
    for _ in range(25):
        settles = [c.settle for c in script.log if isinstance(c, Settle)]
        if settles:
            script(Final(settles[-1], Transcript("")))
        script.wait_until(script.at + 70_000)
        commits = [c.reply for c in script.log if isinstance(c, Commit)]
        if commits:
            script(ReplyOver(commits[-1]))
