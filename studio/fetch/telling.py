"""A download in words: what the command line and the page say of it."""

from studio.fetch.progress import Progress
from studio.words import Language, Text

PRESENCE = {
    "here": Text("here", "已就绪"),
    "partly": Text("partly here", "不完整"),
    "missing": Text("not downloaded", "未下载"),
}
_AMOUNT = Text("{done} of {total}", "{done} / {total}")
_SPEED = Text("{mb} MB/s", "{mb} MB/秒")
_LEFT = (Text("{count} s left", "还需 {count} 秒"), Text("{count} min left", "还需 {count} 分钟"),
         Text("{count} h left", "还需 {count} 小时"))  # fmt: skip


def told_progress(progress: Progress, language: Language) -> str:
    """One line: the file, how much of all, how fast, how long still; or what happens instead."""
    words = [progress.file] if progress.file else []
    if progress.total:
        words.append(_AMOUNT.say(language, done=size(progress.done), total=size(progress.total)))
    if progress.doing is not None:
        words.append(progress.doing.say(language))
    elif progress.bytes_per_s:
        words.append(_SPEED.say(language, mb=f"{progress.bytes_per_s / 2**20:.1f}"))
        words.append(_time_left(progress.seconds_left or 0.0, language))
    return " · ".join(words)


def size(count: int) -> str:
    """Bytes as people say them, the same in every language."""
    return f"{count / 2**30:.1f} GB" if count >= 2**30 // 10 else f"{count / 2**20:.1f} MB"


def _time_left(seconds: float, language: Language) -> str:
    if seconds < 90:
        return _LEFT[0].say(language, count=max(1, round(seconds)))
    if seconds < 90 * 60:
        return _LEFT[1].say(language, count=round(seconds / 60))
    return _LEFT[2].say(language, count=f"{seconds / 3600:.1f}")
