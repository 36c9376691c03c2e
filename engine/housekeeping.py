"""What runs beside a training run as long as it lasts: the sensors, the electricity meter, the rules of the house, and
the examiner.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch

from babytrain.engine.config import Config
from babytrain.engine.corpus.build import Corpus
from babytrain.engine.energy_meter import EnergyMeter
from babytrain.engine.learned.examiner import Examiner, ExamSubject
from babytrain.engine.learned.family import family_record
from babytrain.engine.past import Past
from babytrain.engine.recorder import Recorder
from babytrain.engine.restraint.housekeeper import Housekeeper
from babytrain.engine.telemetry.host import HostSensors
from babytrain.engine.telemetry.opening import gpu_opener
from babytrain.engine.telemetry.sampler import TelemetrySampler
from babytrain.runs.events import Energy
from babytrain.runs.feed import LiveFeed
from babytrain.runs.folder import RunFolder
from babytrain.runs.tariff import parse_tariff


@contextmanager
def appoint_examiner(
    config: Config, corpus: Corpus, recorder: Recorder, folder: RunFolder, past: Past
) -> Iterator[Examiner]:
    """An examiner who has begun to get ready, and who goes home when the run is over, however it ended."""
    facts = corpus.facts
    subject = ExamSubject(
        corpus,
        corpus.is_haiku,
        config.favourite,
        reached=past.milestones,
        baselines=past.baselines,
        family=partial(family_record, folder.path.parent, folder.run_id, facts),
    )
    examiner = Examiner(subject, recorder.publish, recorder.now, recorder.calm_seconds)
    examiner.start()
    try:
        yield examiner
    finally:
        examiner.finish(0.0)  # a run that came to its end has waited for the last answers already


@contextmanager
def keep_house(
    config: Config, recorder: Recorder, feed: LiveFeed, folder: RunFolder, device: torch.device, before: Energy | None
) -> Iterator[Housekeeper]:
    """A housekeeper who hears the sensors once a second until the run is over; `before` is what it drew so far."""
    meter = EnergyMeter(
        tariff=parse_tariff(config.electricity_price, config.currency, config.price_bands),
        wall_watts=config.wall_watts,
        idle_watts=config.idle_watts,
        supply_factor=config.supply_factor,
        before=before,
    )
    housekeeper = Housekeeper(recorder, feed, meter, device=device)
    sampler = TelemetrySampler(
        housekeeper.look,
        open_gpu=gpu_opener(config.sensors, config.nickname, device, rested_seconds=housekeeper.rested_seconds),
        host=HostSensors(folder.path),
    )
    sampler.start()
    try:
        yield housekeeper
    finally:
        sampler.stop()
