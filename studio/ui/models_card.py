"""How a model, and the download of one, is shown: what it needs, how far it is, what went wrong."""

from collections.abc import Mapping, Sequence

from studio.engine.plan import MODES, gb
from studio.errors import ModelUnknown
from studio.families import families
from studio.fetch.progress import Progress
from studio.fetch.record import Download
from studio.fetch.standing import Standing
from studio.fetch.telling import PRESENCE, size, told_progress
from studio.requests import GenerateRequest
from studio.ui.safe import html
from studio.ui.speech import Speech
from studio.words import Language, Said


def card_html(speech: Speech, row: Standing, language: Language) -> str:
    """What a model is and needs."""
    card, family = row.card, families().get(row.card.family)
    to_fetch = "" if card.files_gb is None or row.presence == "here" else f"{card.files_gb:.1f} GB"
    figures = {
        "family": family.title.say(language) if family else card.family,
        "disk": size(row.bytes_on_disk) if row.bytes_on_disk else "",
        "fetch": to_fetch,
        "licence": card.licence,
        "folder": "/".join(card.folder.parts[-3:]),
    }
    told = _figures({speech.say(language, f"models.fact.{name}"): words for name, words in figures.items()})
    fault = row.fault.say(language) if row.fault and row.presence == "partly" else ""
    return (
        f'<section class="ink-model is-{row.presence}"><p class="ink-model-head"><b>{html(card.title.say(language))}</b>'
        f'<span class="ink-mark">{html(PRESENCE[row.presence].say(language))}</span></p>'
        f"{told}{_needs(speech, row, language)}" + (f"<p>{html(fault)}</p>" if fault else "") + "</section>"
    )


def _needs(speech: Speech, row: Standing, language: Language) -> str:
    """What each plan takes of a GPU; nothing where nobody knows."""
    if not row.needs:
        return ""
    request = GenerateRequest.from_dict(row.card.defaults)
    caption = speech.say(language, "models.needs", width=request.width, height=request.height)
    plans = {MODES[mode].say(language): f"{gb(count)} GB" for mode, count in row.needs.items()}
    return f'<p class="ink-model-needs">{html(caption)}</p>{_figures(plans)}'


def _figures(told: Mapping[str, str]) -> str:
    rows = "".join(
        f"<div><dt>{html(name)}</dt><dd>{html(words)}</dd></div>" for name, words in told.items() if words
    )
    return f'<dl class="ink-run-figures">{rows}</dl>'


def choices_of(rows: Sequence[Standing], language: Language) -> list[tuple[str, str]]:
    """The models to choose from, each with whether it is here."""
    return [
        (f"{row.card.title.say(language)} · {PRESENCE[row.presence].say(language)}", row.card.name)
        for row in rows
    ]


def unknown_html(unknown: Sequence[ModelUnknown], language: Language) -> str:
    """What lies beside the models and is none."""
    return "".join(f'<p class="ink-check-fault">{html(error.say(language))}</p>' for error in unknown)


def note_html(
    speech: Speech, row: Standing, running: Download | None, last: Download | None, language: Language
) -> str:
    """What is to be said of a model's download, by the one under way and its own last one: a bar, what went wrong, or
    that another model's turn it is."""
    if running is not None and running.name != row.card.name:
        return f'<p role="status">{html(speech.say(language, "models.other", name=running.name))}</p>'
    return "" if row.presence == "here" else download_html(speech, running or last, language)


def download_html(speech: Speech, download: Download | None, language: Language) -> str:
    """How a download stands; nothing for one that never was, or is done."""
    if download is None or download.state == "finished":
        return ""
    if download.message is not None:
        return f'<p class="ink-check-fault" role="alert">{html(download.message.say(language))}</p>'
    share = min(1.0, download.done / download.total) if download.total else 0.0
    if download.state == "stopped":
        words = speech.say(language, "models.stopped", done=size(download.done), total=size(download.total))
    else:
        words = told_progress(_progress(download), language)
    label, percent = html(words), int(100 * share)
    return (
        f'<div class="ink-bar" role="progressbar" aria-label="{label}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{percent}"><span style="width: {percent}%"></span></div><p role="status">{label}</p>'
    )


def _progress(download: Download) -> Progress:
    return Progress(
        download.file, download.done, download.total, download.bytes_per_s, download.seconds_left,
        None if download.doing is None else Said(download.doing, {}),
    )  # fmt: skip
