"""The page's HTML text: it asks for nothing, escapes everything, and its policy has true hashes."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

from sample import hostile, sample

from trueaim.report import payload as p
from trueaim.report import words
from trueaim.report.page import content_security_policy, render, script_json


class Page(HTMLParser):
    """Collects elements with their attributes, and the texts of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts = [], {"script": [], "style": []}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] in self.texts and self.cdata_elem:
            self.texts[self.elements[-1][0]].append(data)


def test_nothing_is_fetched_from_anywhere():
    text = render(sample())
    page = Page(text)
    for tag, attrs in page.elements:
        assert "src" not in attrs, tag
        assert "style" not in attrs, tag
        assert not any(name.startswith("on") for name in attrs), tag
        assert tag != "link" or attrs["href"] == "data:,"
        assert tag not in {"iframe", "object", "embed", "base", "form", "img"}
    style = "".join(page.texts["style"])
    assert not re.search(r"@import|url\(|expression\(", style)


def test_the_policy_comes_first_and_has_the_true_hashes():
    text = render(sample())
    page = Page(text)
    tags = [tag for tag, _ in page.elements]
    assert tags[tags.index("head") + 1] == "meta"
    policy = page.elements[tags.index("head") + 1][1]["content"]
    for kind, body in (("script", re.findall(r"<script>(.*?)</script>", text, re.S)), ("style", page.texts["style"])):
        assert len(body) == 1
        digest = base64.b64encode(hashlib.sha256(body[0].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert content_security_policy("a", "b") != content_security_policy("b", "a")


def test_the_json_cannot_end_its_element():
    attacked = p.Payload.model_validate(hostile(sample().model_dump()))
    text = script_json(attacked)
    assert not set("<>&\u2028\u2029") & set(text)
    assert p.Payload.model_validate(json.loads(text)) == attacked


def test_hostile_text_adds_no_element():
    plain = [tag for tag, _ in Page(render(sample())).elements]
    attacked = [tag for tag, _ in Page(render(p.Payload.model_validate(hostile(sample().model_dump())))).elements]
    assert attacked == plain


def test_the_least_payload_renders():
    whole = sample(1).model_dump()
    least = whole | {"table": [], "replays": [], "places": [], "curves": None}
    least["verdicts"][0]["numbers"] = {name: {} for name in ("intended", "rival", "control")}
    text = render(p.Payload.model_validate(least))
    assert "no data" in text
    assert "replays" not in text[: text.index('id="payload"')].replace("nav", "")[text.index("<body>") :]


def test_rendering_twice_gives_the_same_text():
    assert render(sample()) == render(sample())


def test_goal_colors_put_the_intended_goal_first():
    goals = [p.GoalInfo(name="a", role="proxy"), p.GoalInfo(name="b", role="intended")]
    assert words.goal_classes(goals) == {"b": "goal-0", "a": "goal-1"}
