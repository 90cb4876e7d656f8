"""A table of one's own is read as it is written, whatever wrote it, or refused with the line and column at fault."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tinygrad_bp.datasets import FEATURES, load_seeds, load_table, read_sheet, read_table
from tinygrad_bp.datasets.sheet import DELIMITERS
from tinygrad_bp.errors import ArgumentError, DataError

ROWS = "1.5,2,yes\n-3,4e-1,no\n5,6,yes\n"


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def table(tmp_path):
    return lambda text, **options: read_table(write(tmp_path / "t.csv", text), **options)


def test_reads_what_the_seeds_data_look_like(tmp_path):
    X, y = load_seeds((1, 2, 3))
    lines = [
        ",".join([*FEATURES, "variety"]),
        *(",".join(map(str, [*row, k + 1])) for row, k in zip(X, y, strict=True)),
    ]
    X_read, y_read = load_table(write(tmp_path / "seeds.csv", "\n".join(lines)))
    np.testing.assert_array_equal(X_read, X)
    np.testing.assert_array_equal(y_read, y)
    assert y_read.dtype == np.int64


def test_classes_may_be_words(table):
    read = table("a,class\n\n1,yes\n2, no\n3,yes \n")
    np.testing.assert_array_equal(read.X, [[1.0], [2.0], [3.0]])
    np.testing.assert_array_equal(read.y, [1, 0, 1])
    assert (read.features, read.target, read.classes, read.task) == (("a",), "class", ("no", "yes"), "binary")


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("a,b,c\n" + ROWS, "utf-8", "delimiter comma, column names in the first line"),
        ("a,b,c\n" + ROWS, "utf-8-sig", "delimiter comma, column names in the first line, encoding utf-8-sig"),
        ("a,b,c\n" + ROWS, "utf-16", "delimiter comma, column names in the first line, encoding utf-16"),
        ("a,b,c\n" + ROWS, "utf-32", "delimiter comma, column names in the first line, encoding utf-32"),
        ("a,b,c\n" + ROWS.replace("\n", "\r\n"), "utf-8", "delimiter comma, column names in the first line"),
        ("a,b,c\n" + ROWS.replace("\n", "\r"), "utf-8", "delimiter comma, column names in the first line"),
        ("\n\na,b,c\n" + ROWS.replace("\n", "\n  \n"), "utf-8", "delimiter comma, column names in the first line"),
        (("a,b,c\n" + ROWS).replace(",", ";"), "utf-8", "delimiter semicolon, column names in the first line"),
        (("a,b,c\n" + ROWS).replace(",", "\t"), "utf-8", "delimiter tab, column names in the first line"),
        (
            ("a,b,c\n" + ROWS).replace(",", ";").replace(".", ",").replace("4e-1", "0,4"),
            "utf-8",
            "delimiter semicolon, decimal comma, column names in the first line",
        ),
        (
            '"a","b","c"\n"1.5","2","yes"\n"-3","0.4","no"\n5,6,yes',
            "utf-8",
            "delimiter comma, column names in the first line",
        ),
        (ROWS, "utf-8", "delimiter comma, no column names, so columns are numbered"),
        (
            ROWS.replace(",", ";").replace("1.5", "1,5").replace("4e-1", "0,4"),
            "utf-8",
            "delimiter semicolon, decimal comma, no column names, so columns are numbered",
        ),
    ],
)
def test_what_a_file_looks_like_is_found_and_said(tmp_path, text, encoding, found):
    path = write(tmp_path / "t.csv", text, encoding)
    read = read_table(path)
    np.testing.assert_array_equal(read.X, [[1.5, 2.0], [-3.0, 0.4], [5.0, 6.0]])
    np.testing.assert_array_equal(read.y, [1, 0, 1])
    assert read.found.removesuffix(", encoding utf-8-sig") == found.removesuffix(", encoding utf-8-sig")
    assert read.features == (("a", "b") if read.has_header else ("1", "2"))


def test_latin_1_is_read_and_said(tmp_path):
    read = read_table(write(tmp_path / "t.csv", "größe,klasse\n1,süß\n2,herb\n", "latin-1"))
    assert (read.features, read.classes) == (("größe",), ("herb", "süß"))
    assert read.found.endswith("encoding windows-1252")


def test_the_target_is_any_column_by_name_or_number(table):
    text = "a,b,class\n" + ROWS
    for target in ("class", 3, "3", -1, "-1"):
        assert table(text, target=target).features == ("a", "b")
    read = table("k,a,b\nx,1,2\ny,3,4\nx,5,6\n", target="k")
    np.testing.assert_array_equal(read.X, [[1, 2], [3, 4], [5, 6]])
    assert read.classes == ("x", "y")
    for target in ("d", 0, 4, -4, "1.0"):
        with pytest.raises(DataError, match=f"no column '?{target}'?. Name one of a, b, class"):
            table(text, target=target)


@pytest.mark.parametrize(
    ("targets", "task", "classes"),
    [
        ("1 2 2 1", "binary", ("1", "2")),
        ("10 9 9 10 2 2", "multi-class", ("2", "9", "10")),
        ("1.0 -1.0 1.0", "binary", ("-1", "1")),
        ("b c a b c a", "multi-class", ("a", "b", "c")),
        ("0.5 1 2 2 2 2", "regression", None),
        ("1 2 3 4 5 6", "regression", None),
        (" ".join(map(str, [*range(25)] * 2)), "regression", None),
        (" ".join(map(str, [*range(20)] * 2)), "multi-class", tuple(map(str, range(20)))),
    ],
)
def test_the_task_is_found_from_the_target(table, targets, task, classes):
    read = table("x,y\n" + "".join(f"{i},{y}\n" for i, y in enumerate(targets.split())))
    assert (read.task, read.classes) == (task, classes)
    names = targets.split() if classes else [*map(float, targets.split())]
    back = [read.classes[k] for k in read.y] if classes else read.y.tolist()
    assert back == [f"{float(n):g}" if classes and n[-1].isdigit() else n for n in names]


def test_the_task_can_be_said(table):
    text = "x,y\n1,1\n2,2\n3,1\n"
    assert table(text, task="regression").y.tolist() == [1.0, 2.0, 1.0]
    assert table(text, task="multi-class").y.tolist() == [0, 1, 0]
    assert table("x,y\n1,0.5\n2,2\n3,0.5\n", task="binary").classes == ("0.5", "2")
    assert table("x,y\n1,a\n2,b\n3,c\n", task="multi-class").classes == ("a", "b", "c")
    with pytest.raises(DataError, match=r"3 classes, not two: a, b, c"):
        table("x,y\n1,a\n2,b\n3,c\n", task="binary")
    with pytest.raises(DataError, match=r"line 2, column 2 \(y\): 'a' is not a finite number"):
        table("x,y\n1,a\n2,b\n", task="regression")
    with pytest.raises(ArgumentError, match="task is one of binary, multi-class, regression; got 'other'"):
        table(text, task="other")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a,b\n", "a line of column names and no example"),
        ("a\n1\n2\n", "has one column, 'a'"),
        ("a,b\n1,0\n1,2,3\n", "line 3: 3 cells, expected 2, as the names of columns are"),
        ("1,0\n1,2\n1\n", "line 3: 1 cells, expected 2, as in the first line"),
        ("a,b\n1,0\nnan,1\n", r"line 3, column 1 \(a\): 'nan', so the value is missing"),
        ("a,b\n1,0\nNA,1\n", r"line 3, column 1 \(a\): 'NA', so the value is missing"),
        ("a,b\n,0\n1,1\n", r"line 2, column 1 \(a\): the value is missing"),
        ("1,0\n,1\n", "line 2, column 1: the value is missing"),
        ("a,b\n1,0\n1,\n2,0\n", r"line 3, column 2 \(b\): the value is missing"),
        ("a,b\n1,yes\n1,\n", r"line 3, column 2 \(b\): the value is missing"),
        ("a,b\n1,0\n2,1\nx,0\n1,1\n", r"line 4, column 1 \(a\): 'x' is not a finite number"),
        ("a,b\nx,0\n1,1\n", r"line 2, column 1 \(a\): 'x' is not"),
        ("a,b\n1,0\n2,1\n3,zero\n", r"line 4, column 2 \(b\): 'zero' is not"),
        ("a,b\n1,0\n1_0,1\n", "'1_0' is not"),
        ("a,b\n1,0\n\u0661,1\n", "'\u0661' is not"),
        ("a,b\n1,0\n1e999,1\n", "'1e999' is not"),
        ("a,b\n1,0\n-inf,1\n", "'-inf' is not"),
        ("a,b\n1,0\n0x10,1\n", "'0x10' is not"),
        ("a;b\n1,5;0\n1.234,5;1\n", "'1.234,5' is not"),
        ("a;b\n" + "1,5;0\n" * 100 + "1.234;1\n", "line 102, .*'1.234' is not"),
        ("a,a\n1,0\n1,1\n", "columns 1 and 2 are both named 'a'"),
        ("a,b\n1,0\n2,0\n3,0\n", "the target, column 'b', has one class only, '0'"),
        ("a,b\n1,0\n", "one class only"),
        ("a,b\n1,x\n2,y\n3,z\n", "3 different texts in 3 examples"),
        ("a,2019,2020\n1,2,0\n3,4,1\n", "'a' looks like the name of a column"),
        ('a,b\n1,0\n"2,1\n3,0\n', "line 3: 1 cells, expected 2"),
        ('a,b\n"1\n",0\n2,1,\n', "line 4: 3 cells"),
    ],
)
def test_a_fault_is_named_by_line_and_column(table, text, message):
    with pytest.raises(DataError, match=message):
        table(text)


def test_faults_count_in_columns_that_are_asked_for(tmp_path):
    sheet = read_sheet(write(tmp_path / "t.csv", "a,b,c\n1,x,2\n3,,4\n"))
    np.testing.assert_array_equal(sheet.numbers([2, 0]), [[2, 1], [4, 3]])
    with pytest.raises(DataError, match="line 3, column 2"):
        sheet.texts(1)


def test_header_can_be_said(tmp_path):
    path = write(tmp_path / "t.csv", "2019,2020\n1,0\n3,1\n")
    assert len(read_table(path).X) == 3
    named = read_table(path, header=True)
    assert (named.features, named.target, len(named.X)) == (("2019",), "2020", 2)
    with pytest.raises(DataError, match="line 1, column 1: 'a' is not a finite number"):
        read_table(write(tmp_path / "t.csv", "a,b\n1,0\n3,1\n"), header=False)


def test_unnamed_columns_get_their_number(table):
    assert table(",b,c\n1,2,0\n3,4,1\n").features == ("column 1", "b")


def test_refuses_files_it_cannot_read(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        load_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        load_table(tmp_path)
    for content in (b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\x81\x8d", b"1,2\0\n"):
        (tmp_path / "binary").write_bytes(content)
        with pytest.raises(DataError, match="not a CSV file: its bytes are no text"):
            load_table(tmp_path / "binary")


def test_a_quotation_mark_left_open_is_named(tmp_path):
    path = write(tmp_path / "t.csv", 'a,b\n1,0\n"2,1\n' + "3,0\n" * 50_000)
    with pytest.raises(DataError, match=r"line 3: field larger than .*; is a quotation mark left open"):
        load_table(path)


def test_a_million_rows(tmp_path):
    X = np.random.default_rng(0).normal(size=(1000, 7)).round(4)
    y = X[:, 0] > 0
    block = "".join(
        ",".join(map(repr, row)) + f",{'yes' if c else 'no'}\n" for row, c in zip(X.tolist(), y, strict=True)
    )
    read = read_table(write(tmp_path / "t.csv", "a,b,c,d,e,f,g,class\n" + block * 1000))
    assert read.X.shape == (1_000_000, 7)
    np.testing.assert_array_equal(read.X[-1000:], X)
    np.testing.assert_array_equal(read.y[-1000:], y)


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.lists(st.tuples(finite, finite, st.sampled_from(["a", "b,;\tb", 'c"d', "e\nf"])), min_size=4),
    st.sampled_from(",;\t"),
    st.booleans(),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_the_csv_module_writes_comes_back(tmp_path_factory, rows, delimiter, header, quoting):
    rows = [*rows, (0.0, 1.0, "a"), (0.0, 1.0, 'c"d')] * 2
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, quoting=quoting).writerows([("p", "q", "class"), *rows] if header else rows)
    read = read_table(write(tmp_path_factory.mktemp("t") / "t.csv", file.getvalue()), header=header)
    assert DELIMITERS[delimiter] in read.found
    np.testing.assert_array_equal(read.X, [row[:2] for row in rows])
    assert [read.classes[k] for k in read.y] == [row[2] for row in rows]
