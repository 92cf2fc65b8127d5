"""The confusion of intents is a picture that a browser shows."""

import base64

from agents.support.evaluation.picture import confusion_picture


def test_it_is_a_png_and_the_same_each_time() -> None:
    url = confusion_picture(["a", "b", "b"], ["a", "a", "b"])
    kind, _, content = url.partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content).startswith(b"\x89PNG")
    assert url == confusion_picture(["a", "b", "b"], ["a", "a", "b"])
