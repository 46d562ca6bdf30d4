"""A set pushed to the Hugging Face Hub as a dataset repository: exported in whole first, then sent as it is.

The access token is given, or comes from its usual places (HF_TOKEN, or `hf auth login`); it is kept nowhere and stands
in no sentence. The hub's address comes from HF_ENDPOINT."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.dataset_requests import ExportRequest, Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.errors import PushFailed
from studio.datasets.export import WRITTEN, export
from studio.datasets.found import Step
from studio.words import Said, Text

if TYPE_CHECKING:
    from huggingface_hub import HfApi

NO_TOKEN = Text(
    "there is no access token; set HF_TOKEN, or run: hf auth login",
    "没有访问令牌；请设置 HF_TOKEN，或运行：hf auth login",
)
NOT_ALLOWED = Text(
    "the access token is not accepted, or may not write there ({status})",
    "访问令牌无效，或没有写入权限（{status}）",
)
NOT_A_NAME = Text("its name must look like owner/name", "名称应写成 所有者/名称 的形式")
SENDING = Text("Sending to {repo}", "正在发送到 {repo}")
PUSHED = Text("{count} pictures are at {url}", "{count} 张图片已在 {url}")
_LONGEST_REASON = 300


def push(
    catalogue: Catalogue,
    request: ExportRequest,
    repo: str,
    private: bool = True,
    token: str = "",
    need: Need | None = None,
) -> Iterator[Step]:
    """Export the set as the request says (its folder aside), for its own need unless another is given, and send it to
    `repo` ("owner/name"), which is made where it isn't there; without a `token`, that of this machine is taken. Raises PushFailed, and what `export` raises; nothing
    stays on this disk. Stopping while files are sent takes effect after them."""
    api = _api(repo, token)
    with tempfile.TemporaryDirectory(prefix="inkstone-push-") as place:
        folder = Path(place) / repo.rpartition("/")[2]
        count = 0
        for step in export(catalogue, request.with_(out=str(folder)), need):
            if (
                step.doing is None or step.doing.text is not WRITTEN
            ):  # where it lies for the moment is of no interest
                count = step.done
                yield step
        yield Step(count, count, Said(SENDING, {"repo": repo}))
        url = _sent(api, folder, repo, private)
    yield Step(count, count, Said(PUSHED, {"count": count, "url": url}))


def _api(repo: str, token: str) -> "HfApi":
    """The hub's door, tried before anything is baked."""
    from huggingface_hub import HfApi, get_token

    token = token or get_token() or ""
    api = HfApi(token=token or None)
    owner, slash, name = repo.partition("/")
    if not (owner and slash and name) or "/" in name:
        raise PushFailed("repo", repo=repo, hub=api.endpoint, reason=NOT_A_NAME)
    if not token:
        raise PushFailed("repo", repo=repo, hub=api.endpoint, reason=NO_TOKEN)
    try:
        api.whoami()
    except Exception as error:  # of its HTTP client, of its own, of the system: it raises many kinds
        raise _told(error, repo, api.endpoint, token) from error
    return api


def _sent(api: "HfApi", folder: Path, repo: str, private: bool) -> str:
    """Send a folder; the address of what came of it."""
    try:
        made = api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=folder,
            commit_message="Upload from Inkstone Studio",
        )
    except Exception as error:  # as above
        raise _told(error, repo, api.endpoint, api.token) from error
    return str(made.url)


def _told(error: Exception, repo: str, hub: str, token: object) -> PushFailed:
    answer: Any = getattr(error, "response", None)
    status = getattr(answer, "status_code", None)
    if status in (401, 403):
        return PushFailed("repo", repo=repo, hub=hub, reason=Said(NOT_ALLOWED, {"status": status}))
    words = " ".join(str(error).split()) or type(error).__name__
    if isinstance(token, str) and token:
        words = words.replace(token, "…")
    return PushFailed("repo", repo=repo, hub=hub, reason=words[:_LONGEST_REASON])
