"""Statistics of measurements."""

import numpy as np


def statistics_of(folder, digits):
    """Mean and deviation of each file of a folder."""
    tables = {file.name: np.loadtxt(file, delimiter=",") for file in sorted(folder.iterdir())}
    return {
        name: [round(float(table.mean()), digits), round(float(table.std()), digits)] for name, table in tables.items()
    }
