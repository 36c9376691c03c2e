"""What runs beside a training run as long as it lasts: sensors, electricity meter, power rules, and the analysis."""

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
from babytrain.engine.recorder import RunOutput
from babytrain.engine.restraint.housekeeper import Housekeeper
from babytrain.engine.sessions.resume_history import ResumeHistory
from babytrain.engine.telemetry.host import HostSensors
from babytrain.engine.telemetry.opening import gpu_opener
from babytrain.engine.telemetry.sampler import TelemetrySampler
from babytrain.runs.events import Energy
from babytrain.runs.tariff import parse_tariff


@contextmanager
def start_analysis(config: Config, corpus: Corpus, output: RunOutput, history: ResumeHistory) -> Iterator[Examiner]:
    """The analysis of samples and evaluations, in a thread that ends when the run does, however that ended."""
    facts, folder, recorder = corpus.facts, output.folder, output.recorder
    subject = ExamSubject(
        corpus,
        corpus.is_haiku,
        config.favourite,
        reached=history.milestones,
        baselines=history.baselines,
        family=partial(family_record, folder.path.parent, folder.run_id, facts),
    )
    examiner = Examiner(subject, recorder.publish, recorder.now, recorder.calm_seconds)
    examiner.start()
    try:
        yield examiner
    finally:
        examiner.finish(0.0)  # a run that came to its end has waited for the last answers already


@contextmanager
def start_telemetry(
    config: Config, output: RunOutput, device: torch.device, before: Energy | None
) -> Iterator[Housekeeper]:
    """The sensors and the rules that need them, until the run is over; `before` is the energy used so far."""
    meter = EnergyMeter(
        tariff=parse_tariff(config.electricity_price, config.currency, config.price_bands),
        wall_watts=config.wall_watts,
        idle_watts=config.idle_watts,
        supply_factor=config.supply_factor,
        before=before,
    )
    housekeeper = Housekeeper(output.recorder, output.feed, meter, device=device)
    sampler = TelemetrySampler(
        housekeeper.look,
        open_gpu=gpu_opener(config.sensors, config.nickname, device, rested_seconds=housekeeper.rested_seconds),
        host=HostSensors(output.folder.path),
    )
    sampler.start()
    try:
        yield housekeeper
    finally:
        sampler.stop()
