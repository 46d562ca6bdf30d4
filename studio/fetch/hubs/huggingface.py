"""Hugging Face, or a mirror that HF_ENDPOINT names: its own library lists the files of the newest revision."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from studio.fetch.connection import Connection
from studio.fetch.hubs.hub import Hub, Kept, Repository
from studio.sources.transfer import BROKEN_OFF, Failed, answered
from studio.words import Said, Text

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

_TIMEOUT_S = 30.0


def _list_files(connection: Connection, id: str) -> Repository:
    from huggingface_hub import HfApi, hf_hub_url
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
    )

    endpoint = connection.endpoint
    api = HfApi(endpoint=endpoint, token=connection.token or False, library_name="inkstone-studio")
    try:
        told = api.model_info(id, files_metadata=True, timeout=_TIMEOUT_S)
    except GatedRepoError:
        raise answered(403) from None
    except (RepositoryNotFoundError, HFValidationError):  # what it doesn't know it answers with 401, too
        raise answered(404) from None
    except HfHubHTTPError as error:
        raise answered(error.response.status_code, error.response.headers.get("retry-after", "")) from None
    except (_http_error(), OSError) as error:
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise Failed(Said(BROKEN_OFF, {"why": why}), may_retry=True) from None
    revision = told.sha or "main"

    def address(path: str) -> str:
        return hf_hub_url(id, path, revision=revision, endpoint=endpoint)

    return Repository(id, [_kept(file) for file in told.siblings or ()], address)


def _http_error() -> type[Exception]:
    """What the library lets through when nobody answers: the common error of whichever HTTP library it builds on."""
    from huggingface_hub.errors import HfHubHTTPError

    return next(kind for kind in HfHubHTTPError.__mro__ if kind.__name__ == "HTTPError")


def _kept(file: "RepoSibling") -> Kept:
    if file.lfs is not None:
        return Kept(file.rfilename, file.lfs.size, file.lfs.sha256)
    return Kept(file.rfilename, file.size or 0, file.blob_id or "", "git")


def _token(environment: Mapping[str, str]) -> str:
    """What HF_TOKEN holds, or `hf auth login` has kept."""
    from huggingface_hub import get_token

    return environment.get("HF_TOKEN") or get_token() or ""


HUB = Hub(
    title=Text("Hugging Face", "Hugging Face"),
    order=1,
    url="https://huggingface.co",
    endpoint="HF_ENDPOINT",
    token="HF_TOKEN",
    id_of=lambda card: card.huggingface,
    list_files=_list_files,
    token_of=_token,
    secret=lambda token: {"Authorization": f"Bearer {token}"},
    page=lambda endpoint, id: f"{endpoint}/{id}",
    offline=("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
)
