"""From a request to a workflow, in the form that ComfyUI's server takes and in the form that its page opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from studio import catalog
from studio.errors import StudioError, UnknownChoice
from studio.exchange.comfy.graph import Link
from studio.exchange.comfy.kind import CONTROL, UPLOAD
from studio.exchange.comfy.layout import links_of, places, size
from studio.exchange.comfy.plan import Placed, Plan, Target
from studio.requests import GenerateRequest
from studio.words import Language, Said, Text

LABEL = Text("set of nodes", "节点组")
NOTE_WIDTH, NOTE_LINE = 760, 24


class NodesUnfit(StudioError):
    """A model that a set of nodes can't run."""

    text = Text(
        "{target} can't run {model}, which is {family}. Choose {others} instead.",
        "{target} 无法运行 {model}（{family}）。请改选 {others}。",
    )


@dataclass(frozen=True)
class Written:
    """A workflow in both forms, as values ready for JSON; what in it only comes near, and what it can't hold. `changed`
    names the fields of the request that would not come back equal."""

    api: dict[str, Any]
    page: dict[str, Any]
    approximated: tuple[Said, ...]
    left_out: tuple[Said, ...]
    changed: frozenset[str]


@cache
def targets() -> Mapping[str, Target]:
    """Every set of nodes, by name."""
    return catalog.scan("studio.exchange.comfy.targets", "TARGET", Target)


def targets_for(family: str) -> list[Target]:
    """The sets of nodes that run a family, the usual one first; all of them when the family isn't known."""
    own = [target for target in targets().values() if family in target.families]
    general = [target for target in targets().values() if not target.families]
    fitting = own or general if family else [*general, *(t for t in targets().values() if t.families)]
    return sorted(fitting, key=lambda target: target.order)


def write(
    request: GenerateRequest,
    family: str = "",
    target: str | None = None,
    ranks: Mapping[str, float] | None = None,
    language: Language = "en",
) -> Written:
    """The workflow of a request for a set of nodes, by default the usual one of the family. `ranks` says what a weight
    of 1 is as LoadKolorsLoRA's alpha, by LoRA; `language` is that of titles and notes on the page.

    Raises UnknownChoice or NodesUnfit."""
    chosen = _chosen(request, family, target)
    plan = Plan(request, family, ranks or {})
    chosen.build(plan)
    plan.leave_what_no_node_holds()
    near, left_out = tuple(plan.approximated), tuple(plan.left_out)
    notes = [said.say(language) for said in (*near, *left_out)]
    page = _page(plan, notes, language)
    return Written(_api(plan, language), page, near, left_out, frozenset(plan.changed))


def _chosen(request: GenerateRequest, family: str, name: str | None) -> Target:
    fitting = targets_for(family)
    if name is None:
        return fitting[0]
    if name not in targets():
        raise UnknownChoice(None, label=LABEL, value=name, known=", ".join(targets()))
    if targets()[name] not in fitting:
        others = ", ".join(target.name for target in fitting)
        raise NodesUnfit(None, target=name, model=request.model, family=family, others=others)
    return targets()[name]


def _api(plan: Plan, language: Language) -> dict[str, Any]:
    """`{"<id>": {"class_type", "inputs", "_meta"}}`."""
    return {
        node.id: {
            "class_type": node.kind.class_type,
            "inputs": {name: _plain(value) for name, value in node.inputs.items()},
            "_meta": {"title": _title(node, language)},
        }
        for node in plan.nodes
    }


def _plain(value: Any) -> Any:
    return [value.node, value.slot] if isinstance(value, Link) else value


def _title(node: Placed, language: Language) -> str:
    return node.title.say(language) if node.title else node.kind.class_type


def _page(plan: Plan, notes: list[str], language: Language) -> dict[str, Any]:
    """The form of version 0.4, which every page of ComfyUI opens."""
    links = _links(plan)
    where = places(plan.nodes)
    nodes = [_node(node, order, where, links, plan, language) for order, node in enumerate(plan.nodes)]
    if notes:
        nodes.append(_note(notes, where, plan))
    return {
        "last_node_id": len(nodes), "last_link_id": len(links), "nodes": nodes, "links": links, "groups": [],
        "config": {}, "extra": {}, "version": 0.4,
    }  # fmt: skip


def _links(plan: Plan) -> list[list[Any]]:
    """`[link, origin, origin slot, target, target slot, type]`."""
    found: list[list[Any]] = []
    for node in plan.nodes:
        names = list(node.kind.links)
        for name, link in links_of(node).items():
            found.append([len(found) + 1, int(link.node), link.slot, int(node.id), names.index(name),
                          node.kind.links[name]])  # fmt: skip
    return found


def _node(
    node: Placed, order: int, where: Mapping[str, Any], links: list[list[Any]], plan: Plan, language: Language
) -> dict[str, Any]:
    id = int(node.id)
    inputs = [
        {"name": name, "type": kind, "link": next((x[0] for x in links if x[3] == id and x[4] == slot), None)}
        for slot, (name, kind) in enumerate(node.kind.links.items())
    ]
    outputs = [
        {
            "name": kind,
            "type": kind,
            "links": [x[0] for x in links if x[1] == id and x[2] == slot],
            "slot_index": slot,
        }
        for slot, kind in enumerate(node.kind.outputs)
    ]
    told = {
        "id": id, "type": node.kind.class_type, "pos": list(where[node.id]), "size": list(size(node)), "flags": {},
        "order": order, "mode": 0, "inputs": inputs, "outputs": outputs,
        "properties": {"Node name for S&R": node.kind.class_type}, "widgets_values": _values(node, plan),
    }  # fmt: skip
    return told | ({"title": node.title.say(language)} if node.title else {})


def _values(node: Placed, plan: Plan) -> list[Any]:
    """A node's values in order, with what the page adds to them."""
    extras = {CONTROL: "randomize" if plan.request.seed is None else "fixed", UPLOAD: "image"}
    return [extras[name] if name in extras else node.inputs.get(name) for name in node.kind.widgets]


def _note(notes: list[str], where: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """What there is to know, on the page itself, below all nodes."""
    bottom = max(where[node.id][1] + size(node)[1] for node in plan.nodes)
    left = min(place[0] for place in where.values())
    return {
        "id": len(plan.nodes) + 1, "type": "Note", "pos": [left, bottom + NOTE_LINE * 2],
        "size": [NOTE_WIDTH, NOTE_LINE * 2 * (len(notes) + 1)], "flags": {}, "order": len(plan.nodes), "mode": 0, "inputs": [],
        "outputs": [], "properties": {"text": ""}, "widgets_values": ["\n".join(notes)], "title": "Inkstone Studio",
    }  # fmt: skip
