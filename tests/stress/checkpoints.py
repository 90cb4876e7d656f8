"""`python -m tests.stress.checkpoints [SUFFIX …]`: files that are damaged, writers that are killed, full disks."""

import builtins
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp import files, nn
from tinygrad_bp.errors import CheckpointError

FLIPS = 10_000
SUFFIXES = (".npz", ".safetensors")
KILLED = 9


class Costs:
    """What stands for a history."""

    def state_dict(self):
        return {"cost": [0.5, float("nan"), -0.0], "position": {"epoch": 3, "batch": 2}, "order": np.arange(4)}


def small_model(seed=0):
    drawing = np.random.Generator(np.random.MT19937(seed))
    return nn.Sequential(nn.Linear(2, 3, seed=seed), nn.BatchNorm(3), nn.Dropout(0.5, seed=drawing))


def save_small(path, seed=0):
    """A checkpoint with all that one can have."""
    model = small_model(seed)
    optimizer = nn.Adam(model.parameters(), lr=0.1)
    scaling, generators = (np.zeros(2), np.ones(2)), {"shuffle": np.random.default_rng(seed)}
    return nn.save(path, model, optimizer, Costs(), scaling=scaling, classes=["a", "é"], generators=generators, of=seed)


# --- damage -----------------------------------------------------------------------------------------------------------


def flips(content: bytes, n: int, seed: int) -> Iterator[bytes]:
    """The content with one bit turned over, n times at random places."""
    for bit in np.random.default_rng(seed).integers(0, 8 * len(content), n).tolist():
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        yield bytes(damaged)


def truncations(content: bytes) -> Iterator[bytes]:
    """Every beginning of the content."""
    return (content[:end] for end in range(len(content)))


def outcomes(path: Path, contents: Iterator[bytes]) -> Counter[str]:
    """What loading gives, counted: "silent", or the name of the exception."""
    found: Counter[str] = Counter()
    for content in contents:
        path.write_bytes(content)
        try:
            nn.load(path)
            found["silent"] += 1
        except Exception as error:  # all are counted
            found[type(error).__name__] += 1
    return found


# --- writers that are killed ------------------------------------------------------------------------------------------


class Points:
    """Counts the points at which a writer can be killed, and ends the process at the n-th."""

    def __init__(self, n: int):
        self.n, self.passed = n, 0

    def __call__(self):
        if self.passed == self.n:
            os._exit(KILLED)
        self.passed += 1

    def around(self, function):
        def call(*args, **kwargs):
            self()
            result = function(*args, **kwargs)
            self()
            return result

        return call


class _Unbuffered:
    """A file that writes at once, in two halves, with a point before, between and after."""

    def __init__(self, raw, point):
        self.raw, self.point = raw, point

    def write(self, data):
        half = len(data) // 2
        for part in (data[:half], data[half:]):
            self.point()
            self.raw.write(part)
        self.point()
        return len(data)

    def __getattr__(self, name):
        return getattr(self.raw, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()


def watched(point) -> None:
    """From now on every step of `files.replacing` is a point."""

    def open_(path, mode, **options):
        return _Unbuffered(builtins.open(path, mode, buffering=0, **options), point)

    files.open = open_
    for name in ("open", "fsync", "link", "replace", "unlink", "chmod"):
        setattr(os, name, point.around(getattr(os, name)))


def points(folder: Path, suffix: str) -> int:
    """At how many points a writer can be killed."""
    path, count = folder / f"counted{suffix}", folder / "count"
    save_small(path, seed=1)
    if os.fork() == 0:
        with suppress(BaseException):
            watched(point := Points(sys.maxsize))
            save_small(path, seed=2)
            passed = point.passed
            count.write_text(str(passed))
        os._exit(0)
    os.wait()
    return int(count.read_text())


def killed(folder: Path, suffix: str, at: Iterable[int]) -> Counter[str]:
    """Kill a writer at these of its points, each time with a whole file in the place: what is there afterwards."""
    path = folder / f"killed{suffix}"
    save_small(path, seed=1)
    old = path.read_bytes()
    found: Counter[str] = Counter()
    for n in at:
        path.write_bytes(old)
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                watched(Points(n))
                save_small(path, seed=2)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != KILLED:
            found["not killed"] += 1
        found[f"{'old' if nn.load(path).notes['of'] == 1 else 'new'} file whole"] += 1
    for left in folder.glob(".*.part"):
        left.unlink()
    return found


# --- a full disk ------------------------------------------------------------------------------------------------------


def full_disks(folder: Path, suffix: str, step: int) -> Counter[str]:
    """Write with less and less room for it, in a child: what is there afterwards, and what is said."""
    import resource

    path = folder / f"full{suffix}"
    save_small(path, seed=1)
    size = path.stat().st_size
    found: Counter[str] = Counter()
    for room in range(0, size + step, step):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        try:
            save_small(path, seed=2)
            said = "saved"
        except OSError as error:
            said = "refused, the path is named" if error.filename == str(path) else f"refused: {error}"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        whole = "old" if nn.load(path).notes["of"] == 1 else "new"
        left = "a part left" if [*folder.glob(".*.part")] else "nothing left"
        found[f"{said}, {whole} file whole, {left}"] += 1
    return found


def quickly(folder: Path, suffix: str) -> list[Counter[str]]:
    """Some of the points and the last ones, where the file takes its place; two full disks."""
    n = points(folder, suffix)
    at = sorted({*range(0, n, n // 8), *range(n - 10, n)})
    return [killed(folder, suffix, at), full_disks(folder, suffix, 6000)]


def main(suffixes) -> int:
    """Print the figures; the status is the number of kinds of damage that were not noticed, or had other exceptions."""
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for suffix in suffixes or SUFFIXES:
            content = save_small(folder / f"small{suffix}").read_bytes()
            path = folder / f"damaged{suffix}"
            print(f"{suffix}: {len(content):,} bytes, tinygrad_bp {tg.__version__}, NumPy {np.__version__}")
            damages = {
                f"{FLIPS:,} bits turned over": flips(content, FLIPS, seed=0),
                "cut at every byte": truncations(content),
            }
            for what, contents in damages.items():
                found = outcomes(path, contents)
                wrong += found.keys() != {CheckpointError.__name__}
                print(f"  {what}: {dict(found)}")
            everywhere = range(points(folder, suffix))
            print(f"  killed at each of {len(everywhere)} points: {dict(killed(folder, suffix, everywhere))}")
            print(f"  a full disk: {dict(full_disks(folder, suffix, 97))}")
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
