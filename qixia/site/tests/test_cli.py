import subprocess
import sys

import pytest


def qixia(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qixia.site.cli", *arguments],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_no_key_no_start(tmp_path):
    done = qixia("check", QIXIA_VAR_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "no usable master key" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_production_makes_no_key_by_itself(tmp_path):
    done = qixia("prepare", QIXIA_VAR_DIR=str(tmp_path), QIXIA_MODE="production")
    assert done.returncode == 1
    assert "no usable master key" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_is_named(tmp_path):
    done = qixia("check", QIXIA_VAR_DIR=str(tmp_path), QIXIA_MODE="staging")
    assert done.returncode == 1
    assert done.stderr.startswith("A setting is wrong:\n  QIXIA_MODE: ")


@pytest.mark.parametrize("word", ["serve", "worker", "prepare", "events", "openapi"])
def test_the_commands_are_there(tmp_path, word):
    from_django = qixia(word, "--help", QIXIA_VAR_DIR=str(tmp_path), QIXIA_MASTER_KEY_FILE=key(tmp_path))
    assert from_django.returncode == 0
    assert from_django.stdout.startswith("usage:")


def key(tmp_path) -> str:
    path = tmp_path / "master.key"
    path.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    return str(path)
