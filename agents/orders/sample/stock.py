"""Stock and weights of the sample, which the data does not have, by a declared and seeded rule.

Of each variant there are as many pieces as the sample orders, and 0 to 9 more. One in three of the variants
that the data calls unavailable is short instead: a fifth of its pieces, at least one, is missing. A variant
weighs as much as its product, plus or minus a tenth.
"""

import hashlib

SEED = "tau2-retail"
SPARE = 10
SHORT_ONE_IN = 3
MISSING_ONE_IN = 5

GRAMS = {
    "Action Camera": 400,
    "Air Purifier": 4_600,
    "Backpack": 1_100,
    "Bicycle": 14_500,
    "Bluetooth Speaker": 700,
    "Bookshelf": 12_000,
    "Coffee Maker": 3_200,
    "Cycling Helmet": 450,
    "Desk Lamp": 1_400,
    "Digital Camera": 900,
    "Dumbbell Set": 12_500,
    "E-Reader": 300,
    "Electric Kettle": 1_300,
    "Electric Toothbrush": 350,
    "Espresso Machine": 4_400,
    "Fleece Jacket": 600,
    "Gaming Mouse": 250,
    "Garden Hose": 3_000,
    "Grill": 15_000,
    "Headphones": 450,
    "Hiking Boots": 1_500,
    "Indoor Security Camera": 350,
    "Jigsaw Puzzle": 900,
    "LED Light Bulb": 120,
    "Laptop": 2_400,
    "Luggage Set": 8_000,
    "Makeup Kit": 500,
    "Mechanical Keyboard": 1_200,
    "Notebook": 350,
    "Office Chair": 11_500,
    "Patio Umbrella": 7_500,
    "Perfume": 300,
    "Pet Bed": 1_500,
    "Portable Charger": 400,
    "Running Shoes": 900,
    "Skateboard": 2_800,
    "Smart Thermostat": 400,
    "Smart Watch": 250,
    "Smartphone": 450,
    "Sneakers": 900,
    "Sunglasses": 150,
    "T-Shirt": 200,
    "Tablet": 800,
    "Tea Kettle": 1_200,
    "Vacuum Cleaner": 4_200,
    "Wall Clock": 1_000,
    "Water Bottle": 500,
    "Wireless Earbuds": 150,
    "Wristwatch": 250,
    "Yoga Mat": 1_300,
}


def _draw(what: str, sku: str, below: int) -> int:
    """A number from 0 up to `below`, the same on every machine."""
    digest = hashlib.sha256(f"{SEED}/{what}/{sku}".encode()).digest()
    return int.from_bytes(digest[:8]) % below


def on_hand(sku: str, ordered: int, *, available: bool) -> int:
    """Pieces in the warehouse of a variant of which the sample orders `ordered`."""
    if not available and ordered and _draw("shortage", sku, SHORT_ONE_IN) == 0:
        return ordered - max(1, ordered // MISSING_ONE_IN)
    return ordered + _draw("spare", sku, SPARE)


def weight_grams(sku: str, product: str) -> int:
    """The weight of one packed piece."""
    return GRAMS[product] * (90 + _draw("weight", sku, 21)) // 100
