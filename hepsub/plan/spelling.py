"""Whether the `=` of -in belongs to the URL or begins the name: what the words alone do not tell. Pure."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from hepsub.job import FileRequest, JobSpec


def settled(spec: JobSpec, whole: Collection[str]) -> JobSpec:
    """The spec with the inputs whose whole text is a URL.

    Args:
        spec: what the user asked for.
        whole: the texts behind -in that name something that exists, `=` included.
    """
    return replace(spec, inputs=tuple(_settled(each, whole) for each in spec.inputs))


def _settled(request: FileRequest, whole: Collection[str]) -> FileRequest:
    if not request.whole or request.whole not in whole:
        return request
    return FileRequest(name="", url=request.whole)
