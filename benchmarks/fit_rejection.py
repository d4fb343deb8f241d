"""Fits the weights of `inference/backends/pocketsphinx/rejection.py` and prints them as they stand there.

    .venv/bin/python -m benchmarks.fit_rejection

Logistic regression with a ridge penalty on standardised evidence, by Newton's method. The figures that it prints leave
one voice out at a time; `script/bench commands` measures with voices, sentences and noises that are not in here at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.commands import trials
from benchmarks.commands.listening import Outcome, listen
from vivavoce.inference.backends.pocketsphinx.evidence import Evidence

Vector = npt.NDArray[np.float64]
NAMES = tuple(Evidence.__dataclass_fields__)
RIDGE = 2.0
_STEPS = 50
_SIGNIFICANT = 3


def fit(rows: Vector, truth: Vector) -> tuple[float, Vector]:
    """Bias and weights for the raw columns of `rows` (n, features); `truth` is 0 or 1."""
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    design = np.column_stack([np.ones(len(rows)), (rows - mean) / scale])
    penalty = RIDGE * np.diag([0.0] + [1.0] * rows.shape[1])
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        guess = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (guess - truth) + penalty @ weights
        curve = (design.T * (guess * (1 - guess))) @ design + penalty + 1e-9 * np.eye(len(weights))
        weights -= np.linalg.solve(curve, slope)
    raw = weights[1:] / scale
    return float(weights[0] - raw @ mean), raw


def held_out(rows: Vector, truth: Vector, groups: Sequence[str]) -> Vector:
    """Certainty of each row by a model that has not heard its group."""
    certainty = np.zeros(len(rows))
    for group in dict.fromkeys(groups):
        mine = np.array([name == group for name in groups])
        bias, weights = fit(rows[~mine], truth[~mine])
        certainty[mine] = 1 / (1 + np.exp(-(bias + rows[mine] @ weights)))
    return certainty


def main() -> None:
    outcomes = list(listen(trials.fitting()))
    heard = [outcome for outcome in outcomes if outcome.evidence is not None]
    rows = np.array([[getattr(outcome.evidence, name) for name in NAMES] for outcome in heard])
    truth = np.array([float(outcome.trial.command and outcome.right) for outcome in heard])
    bias, weights = fit(rows, truth)
    certainty = held_out(rows, truth, [outcome.trial.speaker for outcome in heard])
    print(f"BIAS = {bias:.{_SIGNIFICANT}g}\nWEIGHTS = Evidence(")
    for name, weight in zip(NAMES, weights, strict=True):
        print(f"    {name}={weight:.{_SIGNIFICANT}g},")
    print(")\n")
    _report(outcomes, heard, certainty)


def _report(outcomes: Sequence[Outcome], heard: Sequence[Outcome], certainty: Vector) -> None:
    commands = sum(outcome.trial.command for outcome in outcomes)
    others = len(outcomes) - commands
    print(f"{commands} commands, {others} others; each voice judged without having been heard")
    print("certainty   right   wrong   false")
    for threshold in np.arange(0.1, 1.0, 0.05):
        taken = [outcome for outcome, sure in zip(heard, certainty, strict=True) if sure >= threshold]
        right = sum(outcome.trial.command and outcome.right for outcome in taken) / commands
        wrong = sum(outcome.trial.command and not outcome.right for outcome in taken) / commands
        false = sum(not outcome.trial.command for outcome in taken) / others
        print(f"{threshold:9.2f} {right:7.1%} {wrong:7.1%} {false:7.1%}")


if __name__ == "__main__":
    main()
