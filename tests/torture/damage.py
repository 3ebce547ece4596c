"""Damages bytes as disks, networks and people do: each kind takes a random.Random and a file's bytes."""

import copy
import csv
import io
import json
import random
import tarfile
import zipfile
from typing import Any

WORDS = (b"-1", b"NaN", b"1e999", b"\0", b"null", b"[]", b"\xff\xfe", b'"', b"9" * 400, b"\n\n", b"../", b",,", b"\r")
CELLS = ("", "-1", "nan", "1e999", "\0", "256", "0 " * 2304, "x" * 5000, "7", "\x1f5", "happy", '"', "\u0660", "1_0")
NAMES = ("", "/", "..", "../a.png", "/etc/a.png", "train", "train/x", "con.png", "a" * 300, "\udcff.png", "a\\b.png")
VALUES = (
    None, True, -1, 0, 0.5, 1e308, 10**400, float("nan"), float("inf"), "", "x" * 5000, "\udc80", [], [[]], {},
    {"a": 1}, [None], "0", 2**63, -0.0, "\0",
)  # fmt: skip


def of_bytes(rng: random.Random, content: bytes) -> bytes:
    """One to four faults: a byte, a cut, a hole, a repetition, noise, or a word that means something."""
    damaged = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, size = rng.randrange(len(damaged) + 1), rng.choice((1, 2, 8, 64, 1024))
        match rng.randrange(7):
            case 0:
                damaged[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del damaged[at:]
            case 2:
                del damaged[at : at + size]
            case 3:
                damaged[at:at] = damaged[at : at + size] * rng.randint(1, 3)
            case 4:
                damaged[at : at + size] = rng.randbytes(size)
            case 5:
                damaged[at:at] = rng.choice(WORDS)
            case 6:  # a number of the file's own structure
                damaged[at : at + 4] = rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(damaged))).to_bytes(4, "little")
        damaged = damaged or bytearray(b"x")
    return bytes(damaged)


def flipped(rng: random.Random, content: bytes) -> bytes:
    """One bit, as a disk flips it."""
    damaged = bytearray(content)
    damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def of_json(rng: random.Random, content: bytes) -> bytes:
    """One or two values, at any depth, that are others, gone, doubled or under another key."""
    value = json.loads(content)
    for _ in range(rng.choice((1, 1, 1, 2))):
        part, key = rng.choice([*_places(value)] or [([value], 0)])
        match rng.randrange(8):
            case 0:
                del part[key]
            case 1 if isinstance(part, list):
                part.insert(key, copy.deepcopy(part[key]))
            case 1:
                part[f"{key}x"] = part.pop(key)
            case 2:
                other, at = rng.choice([*_places(value)])
                part[key] = copy.deepcopy(other[at])
            case _:
                part[key] = copy.deepcopy(rng.choice(VALUES))
    return json.dumps(value).encode(errors="surrogatepass")


def _places(part: Any) -> Any:
    """(object or list, key) of every value."""
    for key in [*part] if isinstance(part, dict) else range(len(part)):
        yield part, key
        if isinstance(part[key], dict | list):
            yield from _places(part[key])


def of_zip(rng: random.Random, content: bytes) -> bytes:
    """A zip whose check sums are right: a member of it is damaged, gone, doubled, renamed or a lie about its size."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice([*members])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as made:
        for member, data in members.items():
            for written, text in _changed(rng, member, data) if member == name else [(member, data)]:
                made.writestr(zipfile.ZipInfo(written), text)
    return buffer.getvalue()


def of_tar(rng: random.Random, content: bytes) -> bytes:
    """The same of a tar; now and then a member is a link or a device."""
    buffer, chosen = io.BytesIO(), None
    with tarfile.open(fileobj=io.BytesIO(content)) as archive, tarfile.open(fileobj=buffer, mode="w:gz") as made:
        files = [member for member in archive.getmembers() if member.isfile()]
        chosen = rng.choice(files).name
        for member in files:
            data = archive.extractfile(member).read()
            for name, text in _changed(rng, member.name, data) if member.name == chosen else [(member.name, data)]:
                info = tarfile.TarInfo(name.encode(errors="replace").decode())
                info.size = len(text)
                if member.name == chosen and rng.random() < 0.3:
                    info.type, info.linkname = rng.choice((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)), "/etc"
                made.addfile(info, io.BytesIO(text))
    return buffer.getvalue()


def _changed(rng: random.Random, name: str, data: bytes) -> list[tuple[str, bytes]]:
    other = rng.choice(NAMES).replace("\udcff", "\xff")
    match rng.randrange(6):
        case 0:
            return []
        case 1:
            return [(name, data), (name, data[::-1])]
        case 2:
            return [(other or "/", data)]
        case 3:
            return [(name + "/" + name, data)]
        case 4 if name.endswith(".json"):
            return [(name, of_json(rng, data))]
        case _:
            return [(name, of_bytes(rng, data or b"x"))]


def of_csv(rng: random.Random, content: bytes) -> bytes:
    """A CSV of which a cell, a row or a column is damaged."""
    rows = [*csv.reader(io.StringIO(content.decode()))]
    at = rng.randrange(len(rows))
    place = rng.randrange(len(rows[at]) or 1)
    match rng.randrange(6):
        case 0:
            del rows[at][place]
        case 1:
            rows[at].insert(place, rng.choice(CELLS))
        case 2:
            rows = [row[:place] + row[place + 1 :] for row in rows]
        case 3:
            rows[at:at] = [rows[rng.randrange(len(rows))]] * rng.choice((1, 3))
        case _:
            cell = rows[at][place]
            cut = rng.randrange(len(cell) + 1)
            rows[at][place] = rng.choice((rng.choice(CELLS), cell[:cut] + rng.choice(CELLS) + cell[cut:]))
    text = io.StringIO()
    writer = csv.writer(text, quoting=rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
    writer.writerows(rows)
    return text.getvalue().encode(errors="surrogatepass")
