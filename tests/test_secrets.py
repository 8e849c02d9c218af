"""What looks like a key, and what does not."""

from pathlib import Path

import pytest

import raypg
from raypg.secrets import (
    holds_secret,
    redact,
    redact_tree,
    redact_words,
    secret_line,
)

LONG = "0123456789abcdef" * 3
KEYS = [
    "ASIA" + "0123456789ABCDEF",
    "AIza" + LONG[:35],
    "ghp" + "_" + LONG[:36],
    "hf" + "_" + LONG[:34],
    "xoxb" + "-" + "1234567890-abcdef",
    "sk" + "-" + LONG[:24],
    "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "s3 = 'https://me:" + "hunter2@host/bucket'",
    f'wandb.login(key="x", api_key="{LONG[:40]}")',
    "  password: " + LONG[:20] + "\n",
]


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_the_keys_of_services_are_known_by_their_shape(key: str) -> None:
    assert holds_secret(f"+before {key} after".encode())


@pytest.mark.parametrize(
    "text",
    [
        "token = tokenize.generate_tokens(lines)",
        "api_key = os.environ['KEY']",
        "fingerprint = '" + LONG + "'",
        "https://host/path@version",
        "task-" + LONG,
    ],
)
def test_code_is_no_key(text: str) -> None:
    assert not holds_secret(text.encode())


@pytest.mark.parametrize("name", ["RAY_AUTH_TOKEN", "MY_APIKEY", "db_password"])
def test_a_secret_of_the_environment_is_known_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "planted+9")
    assert holds_secret(b"x = 'planted+9'")
    assert not holds_secret(b"x = 'planted'")


def test_short_values_and_other_names_are_no_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOG_TOKEN", "debug")
    monkeypatch.setenv("DB_KEY", "validation")
    monkeypatch.setenv("MONKEYS", "planted+9")
    assert not holds_secret(b"debug validation planted+9")


def test_none_of_this_package_looks_like_a_key() -> None:
    files = sorted(Path(raypg.__file__).parent.rglob("*.py"))
    assert files
    assert [file for file in files if holds_secret(file.read_bytes())] == []


def test_the_line_of_a_secret_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "planted+9")
    assert secret_line(b"a\nb\nplanted+9\nplanted+9") == 3
    assert secret_line(f"a\n{KEYS[0]}\nplanted+9".encode()) == 2
    assert secret_line(b"a\nb") == 0


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_what_is_redacted_holds_no_key_and_all_else(key: str) -> None:
    told = redact(f"+before {key} after ü\udcff")
    assert told.startswith("+before ")
    assert told.endswith(" after ü\udcff")
    assert "***" in told
    assert not holds_secret(told.encode("utf-8", "surrogateescape"))
    assert redact(told) == told


def test_redacting_keeps_the_name_and_the_user() -> None:
    assert redact("s3://me:hunter2@host/b") == "s3://me:***@host/b"
    assert redact("redis://:hunter2@host") == "redis://:***@host"
    assert redact(f"api_key='{LONG}'") == "api_key='***'"
    whole = "-----BEGIN RSA " + f"PRIVATE KEY-----\n{LONG}\n{LONG}\n-----END RSA "
    assert redact(f"a {whole}PRIVATE KEY----- b") == "a *** b"
    signed = ".".join(["eyJ" + LONG, "eyJ" + LONG, LONG])
    assert redact(f"Bearer {signed}") == "Bearer ***"


def test_secrets_of_the_environment_are_redacted_in_nested_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_TOKEN", "plan/ted+9")
    monkeypatch.setenv("MY_OTHER_TOKEN", "plan/ted+9+more")
    tree = {"a": ["x plan/ted+9+more", 3, None], "b": {"c": "plan%2Fted%2B9"}}
    assert redact_tree(tree) == {"a": ["x ***", 3, None], "b": {"c": "***"}}


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("--api-key=hunter2", "--api-key=***"),
        ("api_key=hunter2", "api_key=***"),
        ("--password hunter2", "--password ***"),
        ("--token --wandb", "--token --wandb"),
        ("http://me:hunter2@host", "http://me:***@host"),
        ("model.class_token=mean", "model.class_token=mean"),
        ("space.py train.epochs=3 --name x", "space.py train.epochs=3 --name x"),
    ],
)
def test_a_command_line_is_kept_without_its_secrets(word: str, kept: str) -> None:
    assert redact_words(word.split()) == kept.split()
