"""Directories of the policy that are different for each user."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.policy.model import Storage
from hepsub.policy.places import expand, in_front_of_user, named_for_user, why_no_place


@pytest.mark.parametrize(
    ("said", "expanded"),
    [
        ("/data/hepsub", "/data/hepsub"),
        ("~/hepsub", "/home/alice/hepsub"),
        ("~", "/home/alice"),
        ("$HOME/x", "/home/alice/x"),
        ("${HOME}/x", "/home/alice/x"),
        ("$HOMES/x", "$HOMES/x"),
        ("/data/$USER/x", "/data/alice/x"),
        ("/data/${USER}x", "/data/alicex"),
        ("/data/%{User}/x", "/data/alice/x"),
        ("/data/%{user}", "/data/alice"),
        ("/data/~", "/data/~"),
        ("/data/$USERS", "/data/$USERS"),
    ],
)
def test_the_home_and_the_login_name_are_filled_in(said: str, expanded: str) -> None:
    assert expand(said, Path("/home/alice"), "alice") == expanded


@pytest.mark.parametrize(
    ("said", "own"),
    [
        ("/data/hepsub", "/data/hepsub/%{User}"),
        ("/data/hepsub/", "/data/hepsub/%{User}"),
        ("/data/$USER", "/data/$USER"),
        ("~/hepsub", "~/hepsub"),
        ("/data/$GROUP", "/data/$GROUP/%{User}"),
        ("", ""),
    ],
)
def test_each_user_gets_a_directory(said: str, own: str) -> None:
    assert named_for_user(said) == own


@pytest.mark.parametrize(
    ("said", "front"),
    [
        ("/data/hepsub/%{User}/bundles", "/data/hepsub"),
        ("/data/u-$USER", "/data"),
        ("/data/hepsub", ""),
        ("~/$USER", ""),
    ],
)
def test_the_directory_in_which_each_user_has_one(said: str, front: str) -> None:
    assert in_front_of_user(said) == front


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", ""),
        ("~/x", ""),
        ("/data/$USER", ""),
        ("/data/$GROUP", "'/data/$GROUP': only ~, $HOME, $USER and %{User} are replaced"),
        ("~bob/x", "'~bob/x': only ~, $HOME, $USER and %{User} are replaced"),
        ("data/x", "'data/x' is no absolute path of a directory"),
        ("/", "'/' is no absolute path of a directory"),
    ],
)
def test_what_names_no_directory_is_told(said: str, why: str) -> None:
    assert why_no_place(said) == why


@pytest.mark.parametrize(
    ("endpoint", "style", "url"),
    [
        ("https://s3.example.org", "path", "https://s3.example.org/raw"),
        ("https://s3.example.org/", "path", "https://s3.example.org/raw"),
        ("https://example.org/s3/", "path", "https://example.org/s3/raw"),
        ("https://s3.example.org:9000/", "virtual", "https://raw.s3.example.org:9000"),
        ("https://example.org/s3", "virtual", "https://raw.example.org/s3"),
    ],
)
def test_where_a_bucket_is(endpoint: str, style: str, url: str) -> None:
    assert Storage(endpoint=endpoint, style=style).bucket_url("raw") == url


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({}, ""),
        ({"token": "mine"}, "mine"),
        ({"role_arn": "arn:x"}, "iam"),
        ({"audience": "s3"}, "iam"),
        ({"token": "mine", "role_arn": "arn:x"}, "mine"),
    ],
)
def test_whose_token_is_exchanged_for_keys(said: dict[str, str], name: str) -> None:
    assert Storage(endpoint="https://s3.example.org", **said).token_name == name  # type: ignore[arg-type]
