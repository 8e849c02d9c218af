"""Buckets of every kind that a store may be in, each on a real server."""

import pytest

from tests.gcs import create_google_bucket, gcs_environment
from tests.s3 import create_bucket, s3_environment

KINDS = ("s3", "gs")

each_kind = pytest.mark.parametrize("kind", KINDS)


def new_bucket(kind: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of an empty bucket, which the environment has the way and the keys to."""
    is_google = kind == "gs"
    environment = gcs_environment() if is_google else s3_environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return create_google_bucket() if is_google else create_bucket()
