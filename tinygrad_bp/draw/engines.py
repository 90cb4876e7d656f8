"""The two ways to Graphviz. This file also runs by itself, as the child process of `layout`: DOT in, a picture out."""

from __future__ import annotations

import os
import shutil
import signal
import sys

DONE, FAILED, NO_GRAPHVIZ = 0, 1, 3


def render(dot: str, kind: str = "svg") -> tuple[int, bytes]:
    """DONE and the picture, FAILED and why, or NO_GRAPHVIZ: by `dot` on the PATH, else by the one inside pygraphviz."""
    if shutil.which("dot"):
        import graphviz  # here, so that the package imports without waiting for it

        try:
            return DONE, graphviz.Source(dot).pipe(format=kind, quiet=True)
        except graphviz.ExecutableNotFound:
            pass
        except Exception as error:
            return FAILED, str(error).encode()
    try:
        import pygraphviz
    except ImportError:
        return NO_GRAPHVIZ, b""
    try:
        return DONE, pygraphviz.AGraph(string=dot).draw(prog="dot", format=kind)
    except Exception as error:
        return FAILED, str(error).encode()


def stop(child: int) -> None:
    """End a child process with everything it started."""
    if hasattr(os, "killpg"):
        os.killpg(child, signal.SIGKILL)
    else:  # pragma: no cover - Windows has no process groups
        os.kill(child, signal.SIGTERM)


def main(kind: str = "svg") -> int:
    """Read DOT from standard input, write the picture, or what went wrong to standard error."""
    code, content = render(sys.stdin.buffer.read().decode(), kind)
    stream = sys.stdout if code == DONE else sys.stderr
    stream.buffer.write(content)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
