"""DAT027 secrets."""

import zlib

import msgspec

from tunewell.checks.data.secrets import secrets
from tunewell.core.finding import Safety, Severity
from tunewell.testing import CheckCases, dataset, rows, run_check

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def github(body: str = "k3Jx9QmZt7WbV2sLpR8cYdNfHgA1uE") -> str:
    """A token in GitHub's format with its checksum, drawn for this test."""
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, rest = divmod(number, 62)
        digits = BASE62[rest] + digits
    return f"ghp_{body}{digits.rjust(6, '0')}"


# Put together from pieces, so that no scanner takes this file for a leak.
AWS = "AK" + "IAQ3ZT7MWLXR5VNB2K"
AWS_EXAMPLE = "AK" + "IAIOSFODNN7EXAMPLE"
OPENAI = "sk-" + "pQ7mZx2LwT9vRb4KcJ8s" + "T3Blbk" + "FJ" + "hN6yGd3FqW1eUa5XoP0t"
STRIPE = "sk_" + "live_" + "Zq8mT3xWv7LpRk2NcY9bJd4F"
KEY = (
    "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "MIIEpQIBAAKCAQEAz3Jx9QmZt7WbV2sLpR8cYdNfHgA1uE\n"
    "Zq8mT3xWv7LpRk2NcY9bJd4Fk3Jx9QmZt7WbV2sLpR8cYdNfHgA1uEhN6yGd3FqW\n"
    "-----END RSA PRIVATE KEY-----"
)


def learned(*texts: str) -> tuple[object]:
    return (rows([{"prompt": "How do I call it?", "completion": text} for text in texts]),)


class TestSecrets(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = secrets
    faulty = {
        "AWS": learned(f"aws_access_key_id = {AWS}", "fine"),
        "GitHub": learned(f"git clone with {github()} as password", "fine"),
        "OpenAI": learned(f'openai.api_key = "{OPENAI}"', "fine"),
        "Stripe": learned(f"stripe.api_key={STRIPE}"),
        "a private key": learned(f"Save this:\n{KEY}\nand go on"),
        "a database": learned("postgres://shop:Tr0ub4dor-7x@db7.shop-data.net:5432/main"),
        "a bearer token": learned("Authorization: Bearer q8ZmT3xWv7LpRk2NcY9bJd4F"),
        "in a classified text": (dataset([f"my key is {AWS}", "hi"], ["a", "b"]),),
        "in the evaluation": (dataset(["x", "y"], ["a", "b"], evaluation=([f"key {AWS}"], ["a"])),),
        "two in one row": learned(f"{AWS} and then {OPENAI}."),
    }
    nearly = {
        "the example of the manual": learned(f"aws_access_key_id = {AWS_EXAMPLE}"),
        "a placeholder": learned(
            'api_key = "YOUR_API_KEY_GOES_HERE"', "sk-xxxxxxxxxxxxxxxxxxxxxxxx"
        ),
        "three dots": learned("openai.api_key = 'sk-...'", "Bearer <token>"),
        "a word": learned("risk-management-and-then-some-more-words-in-a-row"),
        "a digest": learned(
            "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        ),
        "a local database": learned("postgres://user:secret12@localhost:5432/app"),
        "a template": learned("mysql://{user}:{password}@{host}/shop"),
        "a word with a key's beginning": learned("hf_transformers_are_great", "AKIAlso"),
        "text about tokens": learned('Set "token": "none" or leave the secret out.'),
    }
    clean = {"plain rows": (dataset(["hi", "ok"], ["a", "b"]),), "answers": learned("Call it.")}


def test_severity_follows_what_the_format_says() -> None:
    sure = run_check(secrets, learned(f"key {github()}")).findings[0]
    broken = run_check(secrets, learned(f"key {github()[:-1]}x")).findings[0]
    assert sure.severity is Severity.ERROR
    assert broken.severity is Severity.WARNING
    assert sure.fixes[0].safety is Safety.UNSAFE


def test_what_is_said_is_masked() -> None:
    text = f"{AWS} {github()} {OPENAI} {STRIPE} {KEY}"
    finding = run_check(secrets, learned(text)).findings[0]
    said = msgspec.json.encode(msgspec.structs.replace(finding, fixes=())).decode()
    for secret in (AWS, github(), OPENAI, STRIPE, KEY.splitlines()[1]):
        assert secret[6:] not in said
    assert "AKIA" in said
    assert "5 secrets" in finding.message
