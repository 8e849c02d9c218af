"""What looks like a key, and what does not."""

from pathlib import Path

import pytest

import raypg
from raypg.secrets import holds_secret

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
