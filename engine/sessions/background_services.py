"""Starts the threads beside a training run: sensors with the power policy, and the analysis of samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from babytrain.engine.analysis.milestones import best_on_same_data
from babytrain.engine.analysis.sample_analyzer import AnalysisInputs, SampleAnalyzer
from babytrain.engine.config.settings import Config
from babytrain.engine.data.corpus import Corpus
from babytrain.engine.execution.devices import device_uuid
from babytrain.engine.sessions.history_from_journal import ResumeHistory
from babytrain.engine.telemetry.energy_meter import EnergyMeter
from babytrain.engine.telemetry.gpu_backend import GpuBackend
from babytrain.engine.telemetry.gpu_discovery import TrainingCardMarker, find_training_card, open_cards
from babytrain.engine.telemetry.host import HostSensors
from babytrain.engine.telemetry.sampler import TelemetrySampler
from babytrain.engine.telemetry.scripted_card import ScriptedBackend
from babytrain.engine.training.power_policy.duty_cycle import DutyCycleController
from babytrain.engine.training.recorder import Recorder
from babytrain.runs.energy.tariff import Tariff, parse_bands
from babytrain.runs.events import Energy


def gpu_opener(
    sensors: str,
    nickname: str,
    device: torch.device,
    open_real: Callable[[], GpuBackend] = open_cards,
    *,
    rested_seconds: Callable[[], float] = lambda: 0.0,
) -> Callable[[], GpuBackend]:
    """Opens the cards for a run on `device`: the real ones for `sensors` "auto", a scripted one for "scripted".

    The readings of the card that trains carry `nickname`. The scripted card always trains and is idle while the run
    rests, which it did for `rested_seconds` so far.
    """
    if sensors == "scripted":
        return lambda: TrainingCardMarker(
            ScriptedBackend(time.monotonic, rested_seconds), lambda readings, _: 0 if readings else None, nickname
        )
    identity = device_uuid(device)
    return lambda: TrainingCardMarker(
        open_real(),
        lambda readings, instances: find_training_card(device.type, identity, readings, instances),
        nickname,
    )


@contextmanager
def start_analysis(
    config: Config, corpus: Corpus, recorder: Recorder, history: ResumeHistory
) -> Iterator[SampleAnalyzer]:
    """The analysis of samples and evaluations, in a thread that ends with the run."""
    facts = corpus.facts
    subject = AnalysisInputs(
        corpus,
        corpus.is_haiku,
        config.tracked_letter,
        reached=history.milestones,
        baselines=history.baselines,
        val_loss=history.evaluations[-1].val_loss if history.evaluations else None,
        best_on_same_data=lambda: best_on_same_data(recorder.folder.path.parent, recorder.folder.run_id, facts),
    )
    sample_analyzer = SampleAnalyzer(subject, recorder.publish, recorder.now, recorder.seconds_since_divergence)
    sample_analyzer.start()
    try:
        yield sample_analyzer
    finally:
        sample_analyzer.finish(0.0)  # the trainer has waited for the last results already


@contextmanager
def start_telemetry(
    config: Config, recorder: Recorder, device: torch.device, before: Energy | None
) -> Iterator[DutyCycleController]:
    """The sensors and the power policy, until the run ends; `before` is the energy used so far."""
    meter = EnergyMeter(
        tariff=Tariff(config.electricity_price_per_kwh, config.currency, parse_bands(config.price_bands)),
        wall_watts=config.wall_watts,
        idle_watts=config.idle_watts,
        supply_factor=config.supply_factor,
        before=before,
    )
    duty_cycle_controller = DutyCycleController(recorder, recorder.feed, meter, device=device)
    sampler = TelemetrySampler(
        duty_cycle_controller.take_reading,
        open_gpu=gpu_opener(
            config.sensors, config.gpu_nickname, device, rested_seconds=duty_cycle_controller.rested_seconds
        ),
        read_host=HostSensors(recorder.folder.path).read,
    )
    sampler.start()
    try:
        yield duty_cycle_controller
    finally:
        sampler.stop()
