"""From a workflow's graph to a recipe: begin where pictures are saved, else at a sampler, and walk upstream."""

from studio.exchange import Reading
from studio.exchange.comfy.api_json import inside, is_api, read_api
from studio.exchange.comfy.errors import NoSampler
from studio.exchange.comfy.graph import Graph, Node
from studio.exchange.comfy.kind import kinds
from studio.exchange.comfy.litegraph import is_litegraph, read_litegraph
from studio.exchange.comfy.walk import Walk, names_of
from studio.words import Said, Text

OTHER_SAMPLERS = Text(
    "The workflow samples more than once; {names} was left out.",
    "工作流中有多次采样；未采用 {names}。",
)
_BEST_OUTPUT = "SaveImage"


def graph_of(value: object) -> Graph | None:
    """The graph of a parsed JSON value, in whichever form; None when it is no workflow. Raises WorkflowError."""
    value = inside(value)
    if is_api(value):
        return read_api(value)  # type: ignore[arg-type]
    return read_litegraph(value) if is_litegraph(value) else None  # type: ignore[arg-type]


def read_graph(graph: Graph) -> Reading:
    """The recipe of the first picture that is saved. Raises WorkflowError."""
    walk = Walk(graph)
    walk.found.left_out += graph.said
    for node in [*_outputs(graph), *_samplers(graph)]:
        if not walk.found.has_sampler:
            walk.start(node, "picture" if _is_output(node) else "latent")
    if not walk.found.has_sampler:
        raise NoSampler(None, names=names_of(graph.nodes.values()))
    others = [node for node in _samplers(graph) if node.id not in walk.visited]
    if others:
        names = ", ".join(node.name for node in others[:4])
        walk.found.left_out.append(Said(OTHER_SAMPLERS, {"names": names}))
    return walk.found.reading()


def _outputs(graph: Graph) -> list[Node]:
    return sorted(filter(_is_output, graph.nodes.values()), key=lambda node: node.class_type != _BEST_OUTPUT)


def _samplers(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes.values() if _has(node, "is_sampler")]


def _is_output(node: Node) -> bool:
    return _has(node, "is_output")


def _has(node: Node, mark: str) -> bool:
    return bool(getattr(kinds().get(node.class_type), mark, False))
