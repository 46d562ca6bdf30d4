"""The form that ComfyUI's page saves ("litegraph"): nodes with sockets, lists of values without names, and links apart.

Versions 0.4 (links as lists) and 1.0 (links as objects). Muted nodes and nodes that only the page knows don't come
through; links run on through bypassed nodes, Reroute, and the borders of subgraphs, which are so inlined. Every
such run is a loop over hops that have been seen, never a recursion: a file may hold any circle."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from studio.exchange.comfy.api_json import NO_NODES
from studio.exchange.comfy.errors import WorkflowBroken, WorkflowLoops, WorkflowTooDeep
from studio.exchange.comfy.graph import MISSING_LINK, Graph, Link, Node, check_count, short, with_links
from studio.exchange.comfy.kind import CONTROL, kinds
from studio.words import Said, Text

MUTED, BYPASSED = 2, 4
MOST_NESTING = 8
_INPUT_SIDE, _OUTPUT_SIDE = -10, -20
_REROUTES = ("Reroute", "Reroute (rgthree)")
_PAGE_ONLY = ("Note", "MarkdownNote", "PrimitiveNode", "GetNode", "SetNode", *_REROUTES)
_SUBGRAPHS = Text("subgraphs", "子图")
NO_LIST = Text("its list of nodes is no list", "节点列表不是列表")


def is_litegraph(value: Any) -> bool:
    """Whether this is what ComfyUI's page saves."""
    return isinstance(value, dict) and "nodes" in value and ("links" in value or "version" in value)


def read_litegraph(value: Mapping[str, Any]) -> Graph:
    """The graph of a saved page. Raises WorkflowBroken, WorkflowLoops, WorkflowTooDeep or WorkflowTooLarge."""
    if not isinstance(value.get("nodes"), list):
        raise WorkflowBroken(None, reason=NO_LIST)
    listed = _dict(value.get("definitions")).get("subgraphs")
    definitions = {str(told.get("id")): told for told in _dicts(listed)}
    said: list[Said] = []
    nodes: dict[str, Node] = {}
    for scope, told in _real_nodes(_scope(value, definitions)):
        node = scope.node(told, said)
        nodes[node.id] = node
    if not nodes:
        raise WorkflowBroken(None, reason=NO_NODES)
    return with_links(nodes, tuple(said))


@dataclass(eq=False)
class _Scope:
    """One level: the page itself, or a subgraph's inside, with the way back out to the node that stands for it. `size`
    counts its nodes and those of all levels within."""

    prefix: str
    nodes: Mapping[str, Mapping[str, Any]]
    links: Mapping[str, tuple[str, int, str, int]]
    subgraph: Mapping[str, Any]
    outer: "_Scope | None"
    instance: Mapping[str, Any]
    children: dict[str, "_Scope"]
    size: int

    def node(self, told: Mapping[str, Any], said: list[Said]) -> Node:
        """A node of this level with its values named and its links followed to where they really come from."""
        class_type, id = str(told.get("type")), self.prefix + str(told.get("id"))
        inputs = self.values(told)
        for socket in _dicts(told.get("inputs")):
            name, link = str(socket.get("name")), socket.get("link")
            if link is None:
                continue
            if str(link) not in self.links:
                where: dict[str, object] = {
                    "name": short(name),
                    "node": f"{short(class_type)} ({short(id)})",
                    "link": short(link),
                }
                said.append(Said(MISSING_LINK, where))
                continue
            inputs[name] = self.origin(str(link))
        return Node(id, class_type, inputs)

    def values(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """A node's values by name: a list is named by what is known of the class, else by the node's own sockets."""
        held, class_type = told.get("widgets_values"), str(told.get("type"))
        if isinstance(held, dict):
            return {str(name): value for name, value in held.items() if name != CONTROL}
        if not isinstance(held, list):
            return {}
        kind = kinds().get(class_type)
        if kind is not None:
            return kind.values(held)
        names = [
            str(_dict(s.get("widget")).get("name")) for s in _dicts(told.get("inputs")) if s.get("widget")
        ]
        return dict(zip(names, held, strict=False))

    def origin(self, link: str) -> Any:
        """What a link brings: a Link to a real node, a plain value of the page's own nodes, or None."""
        scope: _Scope = self
        seen: set[tuple[str, str]] = set()
        while True:
            if (scope.prefix, link) in seen:
                raise WorkflowLoops(None, node=short(scope.prefix + scope.links[link][0]))
            seen.add((scope.prefix, link))
            if link not in scope.links:
                return None
            id, slot, _, _ = scope.links[link]
            if id == str(_INPUT_SIDE):
                inner, scope_out = scope, scope.outer
                if scope_out is None:
                    return None
                socket = inner.outer_socket(slot)
                if socket is None or socket.get("link") is None:
                    return inner.promoted(slot)
                scope, link = scope_out, str(socket["link"])
                continue
            told = scope.nodes.get(id)
            if told is None:
                return Link(scope.prefix + id, slot)
            if told.get("mode") == MUTED:
                return None
            onward = scope.onward(told, id, slot)
            if not isinstance(onward, _Hop):
                return onward
            scope, link = onward.scope, onward.link

    def onward(self, told: Mapping[str, Any], id: str, slot: int) -> Any:
        """Where a link goes on from a node that is not a real one; the Link itself when it is."""
        class_type = str(told.get("type"))
        if told.get("mode") == BYPASSED:
            return self._hop(_bypass(told, slot))
        if class_type in (*_REROUTES, "SetNode"):
            return self._hop(next(iter(_dicts(told.get("inputs"))), None))
        if class_type == "PrimitiveNode":
            held = told.get("widgets_values")
            return held[0] if isinstance(held, list) and held else None
        if class_type == "GetNode":
            return self._hop(self._set_node(told))
        if id in self.children:
            inner = self.children[id]
            found = next((key for key, (_, _, target, at) in inner.links.items()
                          if target == str(_OUTPUT_SIDE) and at == slot), None)  # fmt: skip
            return _Hop(inner, found) if found is not None else None
        return Link(self.prefix + id, slot)

    def _hop(self, socket: Mapping[str, Any] | None) -> Any:
        link = socket.get("link") if socket else None
        return _Hop(self, str(link)) if link is not None else None

    def _set_node(self, told: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The input of the SetNode that shares a GetNode's name (a widespread pair of nodes for links without lines)."""
        name = _first_value(told)
        setters = (n for n in self.nodes.values() if n.get("type") == "SetNode" and _first_value(n) == name)
        setter = next(setters, None) if name is not None else None
        return next(iter(_dicts(setter.get("inputs"))), None) if setter else None

    def outer_socket(self, slot: int) -> Mapping[str, Any] | None:
        """The socket outside that stands for this subgraph's input: the one of its name, else the one in its place."""
        sockets = list(_dicts(self.instance.get("inputs")))
        names = [str(told.get("name")) for told in _dicts(self.subgraph.get("inputs"))]
        name = names[slot] if 0 <= slot < len(names) else None
        named = next((socket for socket in sockets if str(socket.get("name")) == name), None)
        return named or (sockets[slot] if 0 <= slot < len(sockets) and name is None else None)

    def promoted(self, slot: int) -> Any:
        """The value that was typed into the subgraph's own node, for an input of it that has a box."""
        held, socket = self.instance.get("widgets_values"), self.outer_socket(slot)
        if socket is None or not socket.get("widget"):
            return None
        name = str(socket.get("name"))
        if isinstance(held, dict):
            return held.get(name)
        boxes = [str(s.get("name")) for s in _dicts(self.instance.get("inputs")) if s.get("widget")]
        place = boxes.index(name)
        return held[place] if isinstance(held, list) and place < len(held) else None


@dataclass(frozen=True)
class _Hop:
    scope: _Scope
    link: str


def _scope(
    told: Mapping[str, Any],
    definitions: Mapping[str, Mapping[str, Any]],
    prefix: str = "",
    outer: _Scope | None = None,
    instance: Mapping[str, Any] | None = None,
    depth: int = 0,
) -> _Scope:
    """A level with all levels inside it."""
    if depth > MOST_NESTING:
        raise WorkflowTooDeep(None, what=_SUBGRAPHS, most=MOST_NESTING)
    nodes = {str(node.get("id")): node for node in _dicts(told.get("nodes"))}
    check_count(len(nodes))
    scope = _Scope(prefix, nodes, _links(told.get("links")), told, outer, instance or {}, {}, len(nodes))
    for id, node in nodes.items():
        inside = definitions.get(str(node.get("type")))
        if inside is not None and node.get("mode") not in (MUTED, BYPASSED):
            scope.children[id] = _scope(inside, definitions, f"{prefix}{id}:", scope, node, depth + 1)
            scope.size += scope.children[id].size
            check_count(scope.size)
    return scope


def _real_nodes(scope: _Scope) -> Iterator[tuple[_Scope, Mapping[str, Any]]]:
    """Every node that would be sent to the server, in the file's order."""
    for id, told in scope.nodes.items():
        if id in scope.children:
            yield from _real_nodes(scope.children[id])
        elif told.get("mode") not in (MUTED, BYPASSED) and str(told.get("type")) not in _PAGE_ONLY:
            yield scope, told


def _links(listed: Any) -> dict[str, tuple[str, int, str, int]]:
    """Link id to (origin node, origin slot, target node, target slot), from lists or objects."""
    found: dict[str, tuple[str, int, str, int]] = {}
    for link in listed if isinstance(listed, list) else listed.values() if isinstance(listed, dict) else ():
        match link:
            case [id, origin, int() as slot, target, int() as at, *_]:
                found[str(id)] = (str(origin), slot, str(target), at)
            case {"id": id, "origin_id": origin, "origin_slot": int() as slot, "target_id": target,
                  "target_slot": int() as at}:  # fmt: skip
                found[str(id)] = (str(origin), slot, str(target), at)
    return found


def _bypass(told: Mapping[str, Any], slot: int) -> Mapping[str, Any] | None:
    """The input through which an output of a bypassed node is fed: the one in its place if it has the same type, else
    the first of that type."""
    outputs, inputs = list(_dicts(told.get("outputs"))), list(_dicts(told.get("inputs")))
    kind = outputs[slot].get("type") if 0 <= slot < len(outputs) else None
    fitting = [socket for socket in inputs if socket.get("type") == kind]
    return next((s for s in inputs[slot : slot + 1] if s in fitting), next(iter(fitting), None))


def _first_value(told: Mapping[str, Any]) -> Any:
    held = told.get("widgets_values")
    return held[0] if isinstance(held, list) and held else None


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> Iterator[Mapping[str, Any]]:
    return (item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))
