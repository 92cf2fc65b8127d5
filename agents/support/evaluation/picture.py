"""The confusion matrix of intents as a picture."""

import base64
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from sklearn.metrics import confusion_matrix


def confusion_picture(right: Sequence[str], predicted: Sequence[str]) -> str:
    """A data: URL of a PNG: a row for each right intent, a column for each predicted intent."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second to load, and customers need no picture

    names = sorted(set(right) | set(predicted))
    counts = confusion_matrix(right, predicted, labels=names)
    figure = Figure(figsize=(9, 8), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("right")
    axes.set_title(f"Intents of {len(right)} gold utterances")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=80, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()
