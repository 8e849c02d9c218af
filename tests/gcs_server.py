"""The emulator of Google's buckets, with the one thing that pyarrow asks beyond it.

    python -m tests.gcs_server start --in-memory --host HOST --port PORT

pyarrow lists a folder with `includeTrailingDelimiter=true`, so that objects named
`folder/` are among the items, and shows only those as folders (objects.list of Google's
JSON API; `GcsFileSystem` of Arrow 26). The emulator (2026.7) leaves them out.
"""

from typing import Any

from gcp_storage_emulator.handlers import objects

_plain_ls = objects.ls


class _Trailing:
    """The emulator's storage, whose listings have the folders' objects too."""

    def __init__(self, storage: Any) -> None:  # noqa: ANN401 it has no types
        self._storage = storage

    def get_file_list(
        self,
        bucket: str,
        prefix: str | None,
        delimiter: str,
        *more: object,
        **names: object,
    ) -> tuple[list[Any], list[str]]:
        """The objects and prefixes, as `objects.list` of Google's API gives them."""
        ask = self._storage.get_file_list
        items, prefixes = ask(bucket, prefix, delimiter, *more, **names)
        every, _ = ask(bucket, prefix, None, *more, **names)
        return items + [one for one in every if one["name"] in prefixes], prefixes


def ls(request: Any, response: Any, storage: Any, *more: object, **names: Any) -> None:  # noqa: ANN401, E501
    """List objects; as documented where trailing delimiters are asked for."""
    if request.query.get("includeTrailingDelimiter") == ["true"]:
        storage = _Trailing(storage)
    _plain_ls(request, response, storage, *more, **names)


if __name__ == "__main__":
    objects.ls = ls  # before the server's table of handlers is made
    from gcp_storage_emulator.__main__ import main

    main()
