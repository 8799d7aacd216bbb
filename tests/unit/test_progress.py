"""How far it is what takes long: what is shown of the steps that are under way."""

from __future__ import annotations

import threading

import pytest

from hepsub.progress import NOBODY, Progress, Step


class Viewer:
    """Somebody who looks, and sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int] | None] = []

    def show(self, step: Step | None) -> None:
        self.seen.append((step.what, step.done, step.total) if step is not None else None)


def test_the_innermost_step_is_shown_and_then_the_one_around_it() -> None:
    viewer = Viewer()
    progress = Progress(viewer.show)
    with progress.step("submitting"):
        with progress.step("signing", 2) as step:
            assert list(step.counted("ab")) == ["a", "b"]
        with progress.step(""):
            pass
    assert viewer.seen == [
        ("submitting", 0, 0),
        ("signing", 0, 2),
        ("signing", 1, 2),
        ("signing", 2, 2),
        ("submitting", 0, 0),
        ("submitting", 0, 0),
        ("submitting", 0, 0),
        None,
    ]


def test_a_step_behind_is_shown_only_where_nothing_else_is_under_way() -> None:
    """As the question to a schedd, which belongs to a submission, and may be all there is."""
    viewer = Viewer()
    progress = Progress(viewer.show)
    with progress.step("submitting"), progress.step("asking the schedd", behind=True):
        pass
    assert {seen for seen in viewer.seen if seen} == {("submitting", 0, 0)}
    with progress.step("asking the schedd", behind=True):
        assert viewer.seen[-1] == ("asking the schedd", 0, 0)


def test_a_step_that_fails_is_over() -> None:
    viewer = Viewer()
    progress = Progress(viewer.show)
    with pytest.raises(ZeroDivisionError), progress.step("looking"):
        assert 1 / 0
    assert viewer.seen == [("looking", 0, 0), None]


def test_what_is_said_is_told_to_those_who_do_not_look() -> None:
    """And only to them; what is only to be seen never is."""
    told: list[str] = []
    viewer = Viewer()
    for progress in (Progress(tell=told.append), Progress(viewer.show, told.append)):
        with progress.step("waiting") as step:
            step.say("1 idle")
            step.see("2 idle", 1, 2)
    assert told == ["1 idle"]
    assert viewer.seen[1:3] == [("1 idle", 0, 0), ("2 idle", 1, 2)]


def test_threads_count_together() -> None:
    def count(step: Step) -> None:
        for _ in step.counted(range(1000)):
            pass

    with NOBODY.step("fetching", 4000) as step:
        threads = [threading.Thread(target=count, args=(step,)) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert step.done == 4000
