"""What a hub is: how it lists a model's files, where they are, and how it is told who asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from studio.fetch.connection import Connection
from studio.shelf import ModelCard
from studio.words import Text


@dataclass(frozen=True)
class Kept:
    """A file of a repository: its path there, its size in bytes, and its checksum as `kind` and hexadecimal digits,
    empty where the hub tells none."""

    path: str
    size: int
    checksum: str = ""
    kind: str = "sha256"
    """"sha256" of the content, or "git": the sha1 that git gives it."""


@dataclass(frozen=True)
class Repository:
    """A model at a hub, at one revision: its files, and the address of each."""

    id: str
    files: Sequence[Kept]
    address: Callable[[str], str]


@dataclass(frozen=True)
class Hub:
    """A hub. `endpoint` names its usual address and the variable that names another, `token` the variable that holds an
    access token. `list_files` asks for a model's files and raises Failed; `token_of` finds the token of whoever runs
    the studio, `secret` makes of it the headers that only the endpoint gets to see. `page` is where people read of a
    model; `offline` are variables by which people wish not to be connected."""

    title: Text
    order: int
    url: str
    endpoint: str
    token: str
    id_of: Callable[[ModelCard], str]
    list_files: Callable[[Connection, str], Repository]
    token_of: Callable[[Mapping[str, str]], str]
    secret: Callable[[str], Mapping[str, str]]
    page: Callable[[str, str], str]
    offline: tuple[str, ...] = ()
