"""Hugging Face: the datasets of the hub, or of a mirror that HF_ENDPOINT names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.dataset_requests import ImportRequest
from studio.datasets.entry import NO_LICENCE
from studio.datasets.errors import DatasetError, SourceFailed, SourceRefused
from studio.datasets.found import Found, Skipped, Step
from studio.datasets.spdx import spdx
from studio.disk import storage_error
from studio.sources.repository import MISSING, Kept, Repository, named, read
from studio.sources.source import Place, Source
from studio.sources.transfer import ANSWERED, BROKEN_OFF
from studio.words import Said, Text

if TYPE_CHECKING:
    from huggingface_hub import HfApi

URL = "https://huggingface.co"
TITLE = Text("Hugging Face", "Hugging Face")
GATED = Text(
    "{id} asks its readers to accept terms: open {address}, accept them, and set HF_TOKEN",
    "{id} 要求先同意其条款：请打开 {address} 同意条款，并设置 HF_TOKEN",
)
BUSY = Text("it is busy (429); try again later", "请求过于频繁（429）；请稍后再试")


def _find(request: ImportRequest, place: Place) -> Iterator[Found | Skipped | Step]:
    id, revision = named(request.where, TITLE)
    yield from read(_opened(id, revision or None, place), request, place)


def _opened(id: str, revision: str | None, place: Place) -> Repository:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    endpoint = place.environment.get("HF_ENDPOINT", URL).rstrip("/")
    api = HfApi(
        endpoint=endpoint, token=place.environment.get("HF_TOKEN") or None, library_name="inkstone-studio"
    )
    address = f"{endpoint}/datasets/{id}"
    with _explained(id, address, place.work_dir):
        about = api.dataset_info(id, revision=revision)
        commit = about.sha or revision
        tree = api.list_repo_tree(id, recursive=True, revision=commit, repo_type="dataset")
        files = [Kept(file.path, file.size) for file in tree if isinstance(file, RepoFile)]

    def fetch(file: Kept, target: Path) -> None:
        with _explained(id, address, target.parent):
            _download(api, id, commit, file.path, place.work_dir / "hub").replace(target)

    return Repository(TITLE, "hub", id, f"{address}/blob/{commit or 'main'}", _licence(about), files, fetch)


def _download(api: "HfApi", id: str, revision: str | None, path: str, folder: Path) -> Path:
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    class Quiet(tqdm):
        """No bars on the terminal of a server."""

        def __init__(self, *args: Any, **values: Any) -> None:
            super().__init__(*args, **{**values, "disable": True})  # type: ignore[no-untyped-call]

    return Path(
        api.hf_hub_download(
            id, path, repo_type="dataset", revision=revision, local_dir=folder, tqdm_class=Quiet
        )
    )  # fmt: skip


def _licence(about: Any) -> str:
    """What the dataset's card states; several, or one of its own, are nothing certain."""
    stated = [tag.partition(":")[2] for tag in about.tags or [] if tag.startswith("license:")]
    return spdx(stated[0]) if len(stated) == 1 else NO_LICENCE


@contextmanager
def _explained(id: str, address: str, folder: Path) -> Iterator[None]:
    """What the hub's library raises, in words."""
    from huggingface_hub import errors

    try:
        yield
    except (_http_error(), errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        # the library answers "not in the cache either" when a site refuses, and keeps what it said behind that
        said = error.__cause__ if isinstance(error.__cause__, errors.HfHubHTTPError) else error
        raise _meaning(said, id, address) from None
    except OSError as error:
        raise storage_error(error, folder) from None


def _meaning(error: BaseException, id: str, address: str) -> DatasetError:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return SourceRefused("where", source=TITLE, reason=Said(GATED, {"id": id, "address": address}))
    if isinstance(error, errors.RepositoryNotFoundError | errors.RevisionNotFoundError):
        return SourceRefused("where", source=TITLE, reason=Said(MISSING, {"id": id, "token": "HF_TOKEN"}))
    reason = Said(BROKEN_OFF, {"why": " ".join(str(error).split())[:160]})
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        reason = Said(BUSY, {}) if status == 429 else Said(ANSWERED, {"status": status})
    return SourceFailed("where", source=TITLE, reason=reason)


def _http_error() -> type[Exception]:
    """What the hub's library lets through when a site can't be reached: the common error of whichever HTTP library it
    builds on."""
    from huggingface_hub.errors import HfHubHTTPError

    return next(kind for kind in HfHubHTTPError.__mro__ if kind.__name__ == "HTTPError")


SOURCE = Source(
    title=TITLE,
    help=Text(
        "A dataset of the Hugging Face hub by owner/name; search words may pick files, like train/*.",
        "Hugging Face 上的数据集，写 所有者/名称；搜索词可用来挑选文件，如 train/*。",
    ),
    order=30,
    fields=("where", "query", "count", "caption", "honour_opt_outs"),
    find=_find,
    is_network=True,
)
