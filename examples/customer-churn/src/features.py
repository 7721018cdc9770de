"""From customers to numbers: what both algorithms learn from."""

import pandas as pd

REGIONS = ["north", "east", "south", "west"]
PLANS = ["basic", "family", "business"]


def features(customers):
    """One row of numbers a customer; the label, 1 for those who left, comes first."""
    table = pd.DataFrame({"churned": (customers["churned"] == "yes").astype(int)})
    for name in ("months", "day_minutes", "night_minutes", "abroad_minutes", "calls"):
        table[name] = customers[name]
    # The columns are named here, not found in the data: a batch without one of the plans has the same columns.
    for name, known in (("region", REGIONS), ("plan", PLANS)):
        for value in known:
            table[f"{name}_{value}"] = (customers[name] == value).astype(int)
    return table
