"""The chain: load, adapt, encode, sample, decode. One job in, events out, every stage's result kept for the next job.

A stage runs only when somebody needs its result and nobody has it: a job that was done before runs nothing, not even
the loading of a model that has been put away since."""

import logging
import secrets
from collections.abc import Hashable
from pathlib import Path

from studio.engine import tell
from studio.engine.cache import Cache
from studio.engine.device import Device, free_memory, is_out_of_memory, pick_device
from studio.engine.events import Event, Job, LoraMatch, Notice, Picture, Stage, StageStarted
from studio.engine.models import Models
from studio.engine.plan import Plan
from studio.engine.plan import Stage as Peak
from studio.engine.run import Events, Run
from studio.engine.stepwise import Hand
from studio.errors import OutOfMemory, StudioError, Unexpected

RESULT_BYTES = 256 * 2**20
_AT: dict[Stage, Peak] = {
    "load": "encode", "adapt": "sample", "encode": "encode", "sample": "sample", "decode": "decode",
}  # fmt: skip
"""Where the memory of each stage is counted."""
_log = logging.getLogger("inkstone.engine")


class Chain:
    """A device with its models and kept results. One job at a time: the caller sees to that."""

    def __init__(self, device: Device | None = None) -> None:
        self.device = device or pick_device()
        self.models = Models(self.device)
        self.results = Cache(RESULT_BYTES)
        self.decode_seconds = 0.0
        self.hand = Hand()
        self._learnt: dict[Hashable, Plan] = {}

    def run(self, job: Job) -> Events:
        """Make the pictures of a job. Closing it at any yield leaves everything as if the job had never been asked.

        Where memory runs out it goes on once more by the next smaller plan, from the first picture that isn't done.
        Raises StudioError; whatever else goes wrong becomes OutOfMemory or Unexpected."""
        told = list[Event]()
        done = 0
        plan: Plan | None = None
        while True:
            stage: Stage = "load"
            run: Run | None = None
            try:
                run = Run(self, job, plan or self._learnt.get(_like(job)), done)
                for event in run.events():
                    stage = event.stage if isinstance(event, StageStarted) else stage
                    done = event.index + 1 if isinstance(event, Picture) else done
                    if isinstance(event, Notice | LoraMatch):
                        if event in told:
                            continue
                        told.append(event)
                    yield event
                return
            except StudioError:
                raise
            except Exception as error:
                again = None
                if run and plan is None and is_out_of_memory(error):
                    again = run.model.smaller(_AT[stage])
                failure = self._explain(error, stage, keeps_results=again is not None)
            run = None
            free_memory(self.device)
            if again is None:
                raise failure
            plan = again
            if job.request.memory == "auto":
                self._learnt[_like(job)] = plan
            yield tell.again(stage, plan)

    def warm_up(self, family: str, model_dir: Path) -> None:
        """Load a model before anyone asks for it; failures wait until somebody does."""
        try:
            run = Run(self, Job(request=tell.any_request(), model_dir=model_dir, family=family))
            run.model.load(part.name for part in run.family.parts)
            run.model.preview()
        except Exception:
            _log.info("could not load %s ahead of time", model_dir.name, exc_info=True)

    def _explain(self, error: Exception, stage: Stage, keeps_results: bool) -> StudioError:
        """The sentence for an error. Its traceback is let go: it holds on to every tensor of the failed stage."""
        failure: StudioError
        if is_out_of_memory(error):
            self.models.clear()
            if not keeps_results:
                self.results.clear()
            failure = OutOfMemory("width", device=self.device.name, stage=tell.STAGE_NAMES[stage])
        else:
            number = secrets.token_hex(3)
            _log.error("unexpected failure %s at %s", number, stage, exc_info=error)
            failure = Unexpected(number=number, log=tell.log_name(_log))
        error.__traceback__ = error.__context__ = error.__cause__ = None
        return failure


def _like(job: Job) -> Hashable:
    """Jobs that take the same memory."""
    request = job.request
    return (job.model_dir, request.memory, request.precision, request.width * request.height, request.upscale)
