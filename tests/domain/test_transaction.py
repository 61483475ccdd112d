"""Energy of a transaction."""

from datetime import UTC, datetime

import pytest

from stationd.domain.transaction import Transaction


@pytest.mark.parametrize(
    ("last", "stop", "energy"), [(None, None, 0), (1500, None, 500), (1500, 1600, 600), (900, None, 0), (1500, 990, 0)]
)
def test_energy_is_the_difference_of_the_registers_and_never_negative(
    last: float | None, stop: float | None, energy: float
) -> None:
    transaction = Transaction(
        transaction_id="t", evse_id=1, connector_id=1, started_at=datetime(2026, 1, 1, tzinfo=UTC),
        meter_start_wh=1000, last_wh=last, meter_stop_wh=stop,
    )  # fmt: skip
    assert transaction.energy_wh == energy
