"""What ``hotsite forecast`` does, apart from its command line: this needs NumPy."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from hotsite.core.forecast import outlook, plan
from hotsite.core.forecast.outlook import Goals, Option
from hotsite.core.forecast.plan import Device, FaultKind, HealthCheck, Plan, Quotas
from hotsite.core.hardship import Follow
from hotsite.core.strategy import Strategy
from hotsite.errors import InvalidInputError
from hotsite.faces.cli.pricelist import known_prices
from hotsite.faces.render import forecast as render
from hotsite.faces.render import forecastpage
from hotsite.settings import Settings

_Value = TypeVar("_Value")

# Deciding on a pilot light, and switching its functions on: an assumption.
ACTIVATION_S = 600.0


def show(options: argparse.Namespace, settings: Settings) -> int:
    """Print the forecast, and write it where asked for; return the exit code."""
    goals = Goals(settings.objectives.rto_s, settings.objectives.rpo_messages)
    found = outlook.look_ahead(plan_of(options, settings), goals)
    compared: tuple[Option, ...] = ()
    prices = known_prices()
    if options.compare:
        compared = outlook.compare(
            replace(found.plan, opens_s=0.0),
            goals,
            prices,
            activation_s=_given(options.activation_s, ACTIVATION_S),
            sites=len(settings.sites),
        )
    more = [render.comparison(compared, prices)] if compared else []
    document = json.dumps(render.document(found, compared), indent=1)
    if options.out is not None:
        page = forecastpage.html(found, more=more)
        _write(options.out, {"forecast.html": page, "forecast.json": document + "\n"})
    print(document if options.json else render.text(found, more=more).rstrip("\n"))
    return 1 if found.reasons else 0


def plan_of(options: argparse.Namespace, settings: Settings) -> Plan:
    """Return the plan that settings and command line give.

    Raises:
        InvalidInputError: Nobody says how large the fleet is, or a value is wrong.
    """
    telemetry, dns = settings.telemetry, settings.dns
    devices = _given(options.devices, telemetry.fleet_size)
    if devices is None:
        raise InvalidInputError(
            "forecast: how large is the fleet? --devices N, or telemetry.fleet_size"
        )
    usual = plan.default_quotas(settings.standby.region)
    connects_per_s = _given(options.connects_per_s, telemetry.connects_per_s)
    usual_resolvers = plan.Resolvers()
    is_pilot = settings.strategy is Strategy.PILOT_LIGHT
    return Plan(
        devices=devices,
        fault=FaultKind(options.fault),
        device=_device(options, settings, devices / (connects_per_s or 1.0)),
        check=HealthCheck(
            interval_s=dns.interval_s, failure_threshold=dns.failure_threshold
        ),
        resolvers=plan.Resolvers(
            ttl_s=dns.ttl_s,
            stretch_share=_given(options.stretch_share, usual_resolvers.stretch_share),
            stretch_s=_given(options.stretch_s, usual_resolvers.stretch_s),
        ),
        quotas=Quotas(
            connects_per_s=connects_per_s,
            subscribes_per_s=_given(options.subscribes_per_s, usual.subscribes_per_s),
            connections=_given(options.connections, usual.connections),
        ),
        opens_s=_given(options.activation_s, ACTIVATION_S) if is_pilot else 0.0,
    )


def _device(options: argparse.Namespace, settings: Settings, spread_s: float) -> Device:
    """Return a device that was told what a site of this fleet tells it."""
    device = plan.device(Follow(options.policy), reach_s=settings.outbox.reach_s)
    if options.publish_interval is not None:
        device = replace(device, publish_interval_s=options.publish_interval)
    if settings.telemetry.fleet_size is None:
        return device
    backoff = replace(device.policy.backoff, throttle_spread_s=max(0.0, spread_s))
    return replace(device, policy=replace(device.policy, backoff=backoff))


def _write(folder: Path, files: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
            print(f"wrote {folder / name}", file=sys.stderr)
    except OSError as error:
        raise InvalidInputError(f"--out {folder}: {error.strerror}") from error


def _given(value: _Value | None, default: _Value) -> _Value:
    return default if value is None else value
