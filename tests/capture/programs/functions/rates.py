"""What the functions of the program need; no function of its own is a step."""

import json

RATE = json.loads("0.5")


def discounted(price):
    return price * RATE
