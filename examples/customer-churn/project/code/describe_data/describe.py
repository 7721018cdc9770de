"""Writes statistics.json: for each column of the raw customers what values it has. Runs in the container of our own."""

import json
from pathlib import Path

import pandas as pd

PROCESSING = Path("/opt/ml/processing")


def description(column):
    """Range and mean of numbers, the count of each value of texts, and how many are missing."""
    missing = int(column.isna().sum())
    if pd.api.types.is_numeric_dtype(column):
        numbers = {"least": column.min(), "most": column.max(), "mean": column.mean()}
        return {**{name: float(number) for name, number in numbers.items()}, "missing": missing}
    return {"values": {str(value): int(count) for value, count in column.value_counts().items()}, "missing": missing}


def main():
    customers = pd.read_csv(PROCESSING / "input" / "customers.csv").drop(columns="customer")
    statistics = {name: description(customers[name]) for name in customers}
    folder = PROCESSING / "statistics"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "statistics.json").write_text(json.dumps({"rows": len(customers), "columns": statistics}, indent=2))
    print(f"{len(customers)} customers, {len(statistics)} columns")


if __name__ == "__main__":
    main()
