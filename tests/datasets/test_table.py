"""A table of one's own is read as it is written, or refused with the line that is wrong."""

import numpy as np
import pytest

from tinygrad_bp.datasets import FEATURES, load_seeds, load_table
from tinygrad_bp.errors import DataError


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_what_the_seeds_data_look_like(tmp_path):
    X, y = load_seeds()
    lines = [
        ",".join([*FEATURES, "variety"]),
        *(",".join(map(str, [*row, k + 1])) for row, k in zip(X, y, strict=True)),
    ]
    X_read, y_read = load_table(write(tmp_path / "seeds.csv", "\n".join(lines)))
    np.testing.assert_array_equal(X_read, X)
    np.testing.assert_array_equal(y_read, y)
    assert y_read.dtype == np.int64


def test_classes_may_be_words(tmp_path):
    X, y = load_table(write(tmp_path / "t.csv", "a,class\n\n1,yes\n2, no\n3,yes \n"))
    np.testing.assert_array_equal(X, [[1.0], [2.0], [3.0]])
    np.testing.assert_array_equal(y, [1, 0, 1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got 0 lines"),
        ("a,b\n", "got 1 lines"),
        ("a\n1\n2\n", "got 3 lines"),
        ("a,b\n1,0\n1,2,3\n", "line 3: 3 columns, expected 2"),
        ("a,b\n1,0\nnan,1\n", "line 3: 'nan' is not a finite number"),
        ("a,b\n,0\n1,1\n", "line 2: '' is not"),
        ("a,b\nx,0\n1,1\n", "line 2: 'x' is not"),
        ("a,b\n1,0\n1,1\n1,2\n", "two classes in the last column, got 3"),
        ("a,b\n1,0\n", "got 1"),
    ],
)
def test_refuses(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        load_table(write(tmp_path / "t.csv", text))


def test_refuses_files_it_cannot_read(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        load_table(tmp_path / "none.csv")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not a CSV file"):
        load_table(tmp_path / "binary")
