"""The pictures of a request whose prompt leaves something to chance or holds several prompts: each has words of its own.

Neighbours with the same words are one job of the engine, so that a plain request stays the single job that it is; what
several jobs tell is told as if they were one.
"""

import time
from dataclasses import dataclass, replace

from studio.engine.events import (
    Event,
    Finished,
    FirstPass,
    LoraMatch,
    Notice,
    Picture,
    StageEnded,
    StageStarted,
    Step,
)
from studio.errors import OutOfRange
from studio.requests import MOST_SEED, GenerateRequest
from studio.wildcards import WordLists, expand, split

MOST_PICTURES = 64


@dataclass(frozen=True)
class Share:
    """Neighbouring pictures with the same words: the request that makes them alone, what the model reads of it, and
    the place of the first among all."""

    asked: GenerateRequest
    read: GenerateRequest
    first: int


def pictures(request: GenerateRequest) -> int:
    """How many pictures a request makes: `count` of each of its prompts."""
    return len(split(request.prompt)) * request.count


def shares(request: GenerateRequest, lists: WordLists) -> list[Share]:
    """A request with a seed, by words; the picture at place i has seed + i, and its words are drawn by that seed.

    Raises OutOfRange for more than 64 pictures, and what drawing the words raises."""
    count = pictures(request)
    if count > MOST_PICTURES:
        raise OutOfRange(
            "count", label=request.settings()["count"].label, value=count, low=1, high=MOST_PICTURES
        )
    alone = [_alone(request, prompt, place) for place, prompt in enumerate(_prompts(request))]
    read = [as_read(asked, lists) for asked in alone]
    found: list[Share] = []
    for place, (asked, words) in enumerate(zip(alone, read, strict=True)):
        last = found[-1] if found else None
        if last and _words(last.asked) == _words(asked) and _words(last.read) == _words(words):
            more = last.asked.count + 1
            found[-1] = Share(last.asked.with_(count=more), last.read.with_(count=more), last.first)
        else:
            found.append(Share(asked, words, place))
    return found


def as_read(request: GenerateRequest, lists: WordLists) -> GenerateRequest:
    """The request of one prompt with the words that its seed draws; the two prompts draw apart."""
    return request.with_(
        prompt=expand(request.prompt, request.seed or 0, lists),
        negative_prompt=expand(request.negative_prompt, f"negative {request.seed}", lists),
    )


class AsOne:
    """What the jobs of several shares tell, with places, time left and sums of all of them."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._told: list[Event] = []
        self._share: Share | None = None
        self._began = 0.0
        self._seconds = 0.0
        self._peak_bytes = 0

    def tell(self, share: Share, event: Event) -> Event | None:
        """The event as the reader gets it; None for what an earlier job said and for the end of one."""
        match event:
            case Notice() | LoraMatch():
                if share.first and event in self._told:
                    return None
                self._told.append(event)
                return event
            case StageStarted():
                if event.stage == "sample" and event.picture == 0 and share is not self._share:
                    self._share, self._began = share, time.perf_counter()
                return replace(event, picture=share.first + event.picture)
            case StageEnded():
                return replace(event, picture=share.first + event.picture)
            case Step():
                left = self._left(share, event.seconds_left)
                return replace(event, picture=share.first + event.picture, seconds_left=left)
            case FirstPass():
                return FirstPass(replace(event.picture, index=share.first + event.picture.index))
            case Picture():
                return replace(event, index=share.first + event.index)
            case Finished():
                self._seconds += event.seconds
                self._peak_bytes = max(self._peak_bytes, event.peak_bytes)
                return None

    def finished(self) -> Finished:
        """The end of the last job."""
        return Finished(self._seconds, self._peak_bytes)

    def _left(self, share: Share, seconds: float | None) -> float | None:
        """Seconds until the very last picture, if later jobs go as this one goes."""
        if seconds is None:
            return None
        later = self._count - share.first - share.read.count
        a_picture = (time.perf_counter() - self._began + seconds) / share.read.count
        return seconds + later * a_picture


def _prompts(request: GenerateRequest) -> list[str]:
    """The prompt of each picture, as typed."""
    return [prompt for prompt in split(request.prompt) for _ in range(request.count)]


def _alone(request: GenerateRequest, prompt: str, place: int) -> GenerateRequest:
    return request.with_(prompt=prompt, seed=((request.seed or 0) + place) % (MOST_SEED + 1), count=1)


def _words(request: GenerateRequest) -> tuple[str, str]:
    return request.prompt, request.negative_prompt
