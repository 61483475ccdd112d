"""The plant's process: builds everything, says that it is ready, and ends cleanly at SIGTERM or SIGINT."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from functools import partial
from typing import Any

from stationd.sandbox.plant import cars, runtime_dir, state_file
from stationd.sandbox.plant.control_server import ControlServer
from stationd.sandbox.plant.engine import Engine
from stationd.sandbox.plant.errors import StartError
from stationd.sandbox.plant.evse import Evse
from stationd.sandbox.plant.meter_server import MeterServer
from stationd.sandbox.plant.methods import Control
from stationd.sandbox.plant.options import Options, parse
from stationd.sandbox.plant.pins_server import PinsServer
from stationd.sandbox.plant.plant import Plant
from stationd.sandbox.plant.reader_server import ReaderServer
from stationd.sandbox.plant.runtime_dir import RuntimeDir

SAVE_S = 1.0
EXIT_CANNOT_START = 2


def main(arguments: list[str]) -> int:
    """Run the plant until it is told to end; return the exit code."""
    try:
        options = parse(arguments)
        asyncio.run(_run(options))
    except StartError as error:
        print(error, file=sys.stderr)
        return EXIT_CANNOT_START
    except KeyboardInterrupt:
        pass  # before the signal handler was set
    return 0


def build_plant(options: Options, now_ns: int) -> Plant:
    """Return the plant that the options ask for.

    Raises:
        StartError: its state file cannot be used.
    """
    cars.models()  # read now: a plug_in must not wait for the disk
    plant = Plant(
        Evse(number, now_ns, tethered=options.tethered, meter_start_wh=options.meter_start_wh)
        for number in range(1, options.evses + 1)
    )
    plant.set_speed(options.speed, now_ns)
    if options.state_file is not None:
        state_file.restore(plant, options.state_file)
    return plant


async def _run(options: Options) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    folder = RuntimeDir(options.runtime_dir)
    folder.take()
    try:
        await _serve(options, folder, ended)
    finally:
        folder.give_back()


async def _serve(options: Options, folder: RuntimeDir, ended: asyncio.Event) -> None:
    plant = build_plant(options, time.monotonic_ns())
    engine = Engine(plant)
    meter = MeterServer(plant, engine)
    try:
        about: dict[str, Any] = {"modbus_port": await meter.start_tcp(options.modbus_port), "meter_tty": None}
        if options.modbus_rtu:
            tty = folder.path / runtime_dir.TTY
            await meter.start_rtu(tty)
            about["meter_tty"] = str(tty)
        pins = PinsServer(plant, engine, folder.listen(runtime_dir.PINS, socket.SOCK_SEQPACKET))
        reader = ReaderServer(plant, partial(folder.listen, runtime_dir.READER, socket.SOCK_STREAM))
        control = ControlServer(Control(plant, engine, pins, reader, about))
        pins.start()
        await reader.start()
        await control.start(folder.listen(runtime_dir.CONTROL, socket.SOCK_STREAM))
        engine.start(pins)
        _say_ready(options, folder, about)
        await _keep(options, plant, ended)
        engine.stop()
        await control.close()
        reader.close()
        pins.close()
    finally:
        await meter.close()


async def _keep(options: Options, plant: Plant, ended: asyncio.Event) -> None:
    """Wait for the end; keep the state file at most a second old."""
    saved = ""
    while True:
        over = ended.is_set()
        if options.state_file is not None and (text := state_file.snapshot(plant)) != saved:
            saved = text
            try:
                await asyncio.to_thread(state_file.save, options.state_file, text)
            except OSError as error:
                print(f"cannot write state file {options.state_file}: {error.strerror}", file=sys.stderr)
        if over:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), None if options.state_file is None else SAVE_S)


def _say_ready(options: Options, folder: RuntimeDir, about: dict[str, Any]) -> None:
    ready = {
        "ready": True,
        **about,
        "pid": os.getpid(),
        "evses": options.evses,
        "runtime_dir": str(folder.path),
        "sockets": {
            name: str(folder.path / path)
            for name, path in (
                ("pins", runtime_dir.PINS),
                ("reader", runtime_dir.READER),
                ("control", runtime_dir.CONTROL),
            )
        },
    }
    with suppress(BrokenPipeError):
        print(json.dumps(ready), flush=True)


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tell of an error in a callback in one line."""
    error = context.get("exception")
    kind = f"{type(error).__name__}: {error}" if error is not None else context.get("message")
    print(f"cannot finish a task of the plant: {kind}", file=sys.stderr)
