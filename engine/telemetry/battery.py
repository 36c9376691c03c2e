"""What a battery gives, from Linux: the only number like a wall meter's that most laptops have.

It counts while the battery discharges. On mains power it would say what goes *into* the battery, which is nobody's
training.
"""

from __future__ import annotations

from pathlib import Path

POWER_SUPPLY = Path("/sys/class/power_supply")
_MOST_WATTS = 500.0  # of a laptop's battery; more is a driver's slip of units


def battery_watts(root: Path = POWER_SUPPLY) -> float | None:
    """What the batteries that discharge give together, in watts; None when none does. Raises OSError or ValueError.

    Drivers tell power (microwatts), or current and voltage (microamperes and microvolts); some give a current that
    leaves the battery a minus sign.
    """
    watts = [_watts(battery) for battery in sorted(root.glob("BAT*")) if _read(battery / "status") == "Discharging"]
    return sum(watts) if watts else None


def has_battery(root: Path = POWER_SUPPLY) -> bool:
    """Whether Linux knows a battery of the computer itself."""
    return any(root.glob("BAT*"))


def _watts(battery: Path) -> float:
    power = battery / "power_now"
    if power.exists():
        watts = abs(int(_read(power))) * 1e-6
    else:
        watts = abs(int(_read(battery / "current_now"))) * int(_read(battery / "voltage_now")) * 1e-12
    if watts > _MOST_WATTS:
        raise ValueError("a battery that gives more than a laptop takes")
    return watts


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()
