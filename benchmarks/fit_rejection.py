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
from benchmarks.commands.listening import study
from vivavoce.inference.backends.pocketsphinx.evidence import Evidence

Vector = npt.NDArray[np.float64]
NAMES = tuple(Evidence.__dataclass_fields__)
OF_PROSE = ("like_prose", "clarity", "same_words")
"""What only the free pass can say."""
RIDGE = 8.0
_EVERY = 2
"""Every second trial: 276 of them and three candidates each."""
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
    studied = [one for one in study(trials.fitting(_EVERY)) if one.candidates]
    cases = [(one, evidence, right) for one in studied for evidence, right in one.candidates]
    rows = np.array([[getattr(evidence, name) for name in NAMES] for _, evidence, _ in cases])
    truth = np.array([float(right) for _, _, right in cases])
    _print("", NAMES, rows, truth)
    sound = [NAMES.index(name) for name in NAMES if name not in OF_PROSE]
    _print("_BY_SOUND", [NAMES[index] for index in sound], rows[:, sound], truth)
    certainty = held_out(rows, truth, [one.trial.speaker for one, _, _ in cases])
    _report([one.trial.command for one, _, _ in cases], truth > 0, certainty)


def _print(suffix: str, names: Sequence[str], rows: Vector, truth: Vector) -> None:
    bias, weights = fit(rows, truth)
    print(f"BIAS{suffix} = {bias:.{_SIGNIFICANT}g}\nWEIGHTS{suffix} = Evidence(")
    for name, weight in zip(names, weights, strict=True):
        print(f"    {name}={weight:.{_SIGNIFICANT}g},")
    print(")\n")


def _report(command: Sequence[bool], right: npt.NDArray[np.bool_], certainty: Vector) -> None:
    spoken = np.array(command)
    print(f"{spoken.sum()} candidates for commands, {(~spoken).sum()} for other speech; no voice had been heard before")
    print("certainty   right   wrong   false")
    for threshold in np.arange(0.05, 1.0, 0.05):
        taken = certainty >= threshold
        shares = (taken & right)[spoken].mean(), (taken & ~right)[spoken].mean(), taken[~spoken].mean()
        print(f"{threshold:9.2f} " + " ".join(f"{share:7.1%}" for share in shares))


if __name__ == "__main__":
    main()
