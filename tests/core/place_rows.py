"""Rows of a manifest, as far as neighbours are chosen by them."""

from datetime import datetime, timedelta

import pyarrow as pa

START = datetime(2024, 5, 1)


PlaceRow = tuple[str | None, str | None, float | None]
"""Location, sequence, and hours since the start."""


def place_rows(rows: list[PlaceRow], deployment: str | None = None) -> pa.Table:
    """These rows with a manifest's columns."""
    places, sequences, hours = zip(*rows, strict=True)
    times = [None if one is None else START + timedelta(hours=one) for one in hours]
    return pa.table(
        {
            "location_id": pa.array(places, pa.string()),
            "deployment_id": pa.array([deployment] * len(rows), pa.string()),
            "sequence_id": pa.array(sequences, pa.string()),
            "timestamp": pa.array(times, pa.timestamp("ms")),
        }
    )
