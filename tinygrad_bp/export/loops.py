"""A loop as ONNX's Scan."""

from __future__ import annotations

import numpy as np

from tinygrad_bp.export.writer import Writer
from tinygrad_bp.program import Step


def looped(writer: Writer, step: Step) -> str:
    """A loop; its results are parts of what it gives."""
    loop = step.function
    body, carried = loop.body, loop.captured + loop.carries
    dtypes = [x.dtype for x in body.inputs]
    given = [writer.array(x, dtype) for x, dtype in zip(step.args, dtypes, strict=True)]
    title = writer.label or loop.__name__
    nodes, inside, outputs = writer.body(body, [*given[: loop.captured], *[None] * (len(given) - loop.captured)], title)
    scanned = given[carried:]
    infos = [writer.told(name, x) for name, x in zip(inside, body.inputs[loop.captured :], strict=True)]
    if not scanned:  # a Scan goes over something
        infos.append(writer.onnx.helper.make_tensor_value_info(f"{title}/turn", writer.kind(np.int64), []))
        scanned = [writer.integers(range(loop.length))]
    ends = [writer.told(name, y) for name, y in zip(outputs, body.outputs, strict=True)]
    graph = writer.onnx.helper.make_graph(nodes, f"{title} step", infos, ends)
    turned = int(loop.reverse)
    writer.node(
        "Scan", *given[loop.captured : carried], *scanned, outputs=len(outputs), body=graph,
        num_scan_inputs=len(scanned), scan_input_directions=[turned] * len(scanned),
        scan_output_directions=[turned] * len(loop.ys),
    )  # fmt: skip
    writer.results[step] = [*writer.nodes[-1].output]
    return str(writer.nodes[-1].output[0])
