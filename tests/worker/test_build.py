"""wrapper.sh is what its sources make of it."""

from hepsub.worker import build


def test_the_wrapper_is_not_stale() -> None:
    assert build.main(["--check"]) == 0, "renew with: python -m hepsub.worker.build"
