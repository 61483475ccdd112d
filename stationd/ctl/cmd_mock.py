"""`stationctl mock …`: steer the simulated car and board (only where hw_profile is the mock)."""

import argparse
import json
from typing import Any

from stationd.ctl import output
from stationd.ctl.daemon import plant


def register(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    mock = commands.add_parser("mock", help="steer the simulated car and board")
    verbs = mock.add_subparsers(dest="verb", required=True, metavar="ACTION")

    def verb(name: str, text: str, method: str, build: Any) -> argparse.ArgumentParser:
        sub: argparse.ArgumentParser = verbs.add_parser(name, parents=[common], help=text)
        sub.set_defaults(run=run, method=method, build=build)
        return sub

    plug = verb("plug-in", "plug a car in", "plug_in", _plug_in)
    plug.add_argument("--model", metavar="NAME", help="kind of car: see stationctl mock models (default three_phase)")
    plug.add_argument("--current", type=float, metavar="A", help="what the car takes at most (default: its model's)")
    plug.add_argument("--phases", type=int, choices=(1, 2, 3), help="default: its model's")
    plug.add_argument(
        "--property", action="append", default=[], metavar="NAME=VALUE", help="another property of its model"
    )
    plug.add_argument("--cable", type=float, default=32.0, metavar="A", help="ampacity of the cable: 13, 20, 32 or 63")
    plug.add_argument("--wants-power", default="now", metavar="WHEN", help="now, later, or seconds until it does")
    out = verb("plug-out", "pull the cable", "plug_out", lambda o: {"force": o.force} if o.force else {})
    out.add_argument("--force", action="store_true", help="although it is locked")
    wants = verb("wants-power", "let the car ask for power, or stop asking", "wants_power", _wants)
    wants.add_argument("wants", choices=("yes", "no"))
    swipe = verb("swipe", "hold a card to the reader", "present_card", lambda o: {"token": o.token, "type": o.type})
    swipe.add_argument("token", help="the card's number, e.g. 04A2B3C4D5E680")
    swipe.add_argument("--type", default="ISO14443")
    fault = verb("fault", "set a fault", "set_fault", lambda o: {"name": o.name})
    fault.add_argument("name", help="see the list in: stationctl mock state")
    clear = verb("clear-fault", "clear a fault", "clear_fault", lambda o: {"name": o.name})
    clear.add_argument("name")
    meter = verb("meter", "set, freeze or silence the meter", "set_meter", _meter)
    meter.add_argument("--energy", type=float, metavar="WH", help="write the import register")
    meter.add_argument("--frozen", choices=("yes", "no"), help="the register stands still while energy flows")
    meter.add_argument("--silent", choices=("yes", "no"), help="the meter does not answer")
    warm = verb("temperature", "set the temperature in the housing", "set_temperature", _temperature)
    warm.add_argument("celsius", help="degrees, or auto: as warm as the load makes it")
    verb("models", "list the kinds of cars", "models", lambda o: {})
    speed = verb("speed", "multiply energy (never time)", "set_speed", lambda o: {"factor": o.factor})
    speed.add_argument("factor", type=float)
    verb("state", "show everything", "state", lambda o: {})
    for sub in verbs.choices.values():
        sub.add_argument("--evse", type=int, default=1, help="EVSE number (default 1)")


def run(options: argparse.Namespace) -> None:
    """Call the plant; it answers when the change has taken effect."""
    params = options.build(options)
    if options.method not in ("set_speed", "state", "models"):
        params["evse_id"] = options.evse
    with plant(options) as client:
        result = client.call(options.method, **params)
    if options.method == "state":
        print(output.as_json(result))
    elif options.json:
        print(output.as_json({"ok": True, "result": result}))
    elif options.method == "models":
        print(output.table([(each["name"], each["about"]) for each in result["models"]], ("MODEL", "WHAT IT DOES")))
    else:
        print("done")


def _plug_in(options: argparse.Namespace) -> dict[str, Any]:
    wants: str | float = options.wants_power
    if wants not in ("now", "later"):
        try:
            wants = float(wants)
        except ValueError:
            wants = options.wants_power  # the plant names what it takes
    given = {"model": options.model, "current_a": options.current, "phases": options.phases}
    return {
        **{name: value for name, value in given.items() if value is not None},
        "cable_a": options.cable,
        "wants_power": wants,
        "properties": dict(_property(text) for text in options.property),
    }


def _property(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    return name, _number_or_text(value)


def _temperature(options: argparse.Namespace) -> dict[str, Any]:
    return {"celsius": None if options.celsius == "auto" else _number_or_text(options.celsius)}


def _number_or_text(text: str) -> Any:
    """Return a number or a truth value if the text is one; the plant names what it takes."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _wants(options: argparse.Namespace) -> dict[str, Any]:
    return {"wants": options.wants == "yes"}


def _meter(options: argparse.Namespace) -> dict[str, Any]:
    params: dict[str, Any] = {}
    if options.energy is not None:
        params["energy_wh"] = options.energy
    for name in ("frozen", "silent"):
        if (word := getattr(options, name)) is not None:
            params[name] = word == "yes"
    return params
