"""What CI runs: the browser is installed where it is missing, by whoever may."""

import shutil
import subprocess

import pytest
from command import ROOT

STUBS = {
    "apt-get": 'echo "apt-get $*" >> "$LOG"; [ "$1" = update ] || touch "$BIN/npm" "$BIN/chromium"',
    "make": 'echo "make $*" >> "$LOG"',
    "id": 'echo "$WHO"',
}


def run(tmp_path, *installed, user="0", without=()):
    """Run a copy of the script with stubs alone on its path; return its exit status and what it called."""
    (tmp_path / ".ci").mkdir()
    binaries = tmp_path / "bin"
    binaries.mkdir()
    shutil.copyfile(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    for name in ("dirname", "touch"):
        (binaries / name).symlink_to(shutil.which(name))
    for name in {*STUBS, *installed} - {*without}:
        (binaries / name).write_text(f"#!{shutil.which('bash')}\n{STUBS.get(name, '')}\n")
        (binaries / name).chmod(0o755)
    log = tmp_path / "log"
    log.touch()
    environment = {"PATH": str(binaries), "LOG": str(log), "BIN": str(binaries), "WHO": user}
    status = subprocess.run([shutil.which("bash"), str(tmp_path / ".ci" / "run")], env=environment, check=False)
    return status.returncode, log.read_text().splitlines()


CHECKS = ["make test", "make lint"]


@pytest.mark.parametrize(("there", "missing"), [((), "chromium npm"), (("chromium",), "npm"), (("npm",), "chromium")])
def test_what_is_missing_is_installed_and_nothing_else(tmp_path, there, missing):
    installed = ["apt-get update -qq", f"apt-get install -y -qq --no-install-recommends {missing}"]
    assert run(tmp_path, *there) == (0, installed + CHECKS)


def test_what_is_there_is_not_installed_again(tmp_path):
    assert run(tmp_path, "chromium", "npm") == (0, CHECKS)


def test_who_may_not_install_tests_without_a_browser(tmp_path):
    assert run(tmp_path, user="1000") == (0, CHECKS)


def test_where_there_is_no_apt_it_tests_without_a_browser(tmp_path):
    assert run(tmp_path, without=["apt-get"]) == (0, CHECKS)


def test_what_fails_fails_the_run(tmp_path, monkeypatch):
    monkeypatch.setitem(STUBS, "make", 'echo "make $*" >> "$LOG"; exit 2')
    assert run(tmp_path, "chromium", "npm") == (2, ["make test"])
