"""What the model that will learn makes of pictures and captions: the shapes it is trained at, and how much it reads."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from studio.dataset_requests import Need
from studio.families import families
from studio.shelf.limits import Limit, limit_of
from studio.shelf.models import ModelCard
from studio.studio import Studio
from studio.train_plan import Size, sizes_for, sort_into
from studio.train_request import TrainRequest

PLAIN_MULTIPLE = 8
"""What sides divide by for a model that isn't known here."""


@dataclass(frozen=True)
class Fit:
    """How a picture is trained: the shape it is scaled and cut to, and the share of it that the cut takes away."""

    size: Size
    lost: float
    is_enlarged: bool


@dataclass
class Learner:
    """Asks model cards; tokenizers are read once."""

    studio: Studio
    _limits: dict[str, Limit | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def card(self, need: Need) -> ModelCard | None:
        """The card of the base model, if there is one of that name."""
        return next((card for card in self.studio.shelf.models() if card.name == need.model), None)

    def limit(self, need: Need) -> Limit | None:
        """How much of a caption the base model reads; None when its tokenizer isn't here."""
        card = self.card(need)
        if card is None:
            return None
        with self._lock:
            if self._limits.get(card.name) is None:
                self._limits[card.name] = limit_of(card)
            return self._limits[card.name]

    def sizes(self, need: Need) -> Sequence[Size]:
        """The shapes that training would use."""
        card, side = self.card(need), need.resolution
        known = families().get(card.family) if card else None
        multiple = known.size_multiple if known else PLAIN_MULTIPLE
        own = card.sizes if card and card.sizes else ((side, side),)
        asked = TrainRequest() if (side, side) in own else TrainRequest(width=side, height=side)
        return sizes_for(asked, own, multiple)

    def fit(self, picture: Size, need: Need) -> Fit | None:
        """Where a picture of these pixels would go; None when nobody has looked at it yet."""
        if not all(picture):
            return None
        width, height = sort_into(self.sizes(need), [picture])[0].size
        scale = max(width / picture[0], height / picture[1])
        kept = (width / (picture[0] * scale)) * (height / (picture[1] * scale))
        return Fit((width, height), 1 - kept, scale > 1)
