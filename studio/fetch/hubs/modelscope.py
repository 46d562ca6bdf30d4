"""ModelScope, over the two addresses that its own library asks for a model, so that nothing needs installing.
MODELSCOPE_ENDPOINT names another site, for instance https://www.modelscope.ai."""

from typing import Any
from urllib.parse import quote, urlencode

from studio.fetch.connection import Connection
from studio.fetch.hubs.hub import Hub, Kept, Repository
from studio.sources.transfer import Failed
from studio.words import Said, Text

REFUSED = Text("it answered: {words}", "返回：{words}")
_REVISION = "master"


def _list_files(connection: Connection, id: str) -> Repository:
    endpoint = connection.endpoint
    api = f"{endpoint}/api/v1/models/{quote(id)}/repo"
    told = connection.json(f"{api}/files?{urlencode({'Revision': _REVISION, 'Recursive': 'true'})}")
    if (
        not isinstance(told, dict)
        or not told.get("Success", True)
        or told.get("Code", 200) not in (200, "200")
    ):
        words = str(told.get("Message") or told.get("Code"))[:200] if isinstance(told, dict) else "-"
        raise Failed(Said(REFUSED, {"words": words}), 200)
    listed = (told.get("Data") or {}).get("Files") or []

    def address(path: str) -> str:
        return f"{api}?{urlencode({'Revision': _REVISION, 'FilePath': path})}"

    return Repository(id, [_kept(file) for file in listed if file.get("Type") != "tree"], address)


def _kept(file: dict[str, Any]) -> Kept:
    return Kept(str(file["Path"]), int(file.get("Size") or 0), str(file.get("Sha256") or "").lower())


HUB = Hub(
    title=Text("ModelScope", "魔搭"),
    order=2,
    url="https://modelscope.cn",
    endpoint="MODELSCOPE_ENDPOINT",
    token="MODELSCOPE_API_TOKEN",
    id_of=lambda card: card.modelscope,
    list_files=_list_files,
    token_of=lambda environment: environment.get("MODELSCOPE_API_TOKEN", ""),
    secret=lambda token: {"Authorization": f"Bearer {token}", "Cookie": f"m_session_id={token}"},
    page=lambda endpoint, id: f"{endpoint}/models/{id}",
)
