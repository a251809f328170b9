"""The report: one HTML file that opens offline, runs nothing it did not bring, and reads well without scripts.

Two walls stand between a hostile name and the reader: every text is escaped where it is put, and a content security
policy lets only the bundle's own script and style run, by their hashes.
"""

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from trueaim.report import words
from trueaim.report.payload import Payload

BUNDLE = files("trueaim.report") / "bundle"
"""The built script and style; `npm run build` in web/ writes them."""
_JSON_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def render(payload: Payload) -> str:
    """The whole page as HTML text, to be written as UTF-8."""
    script, style = bundled("report.js"), bundled("report.css")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=payload,
            policy=content_security_policy(script, style),
            script=Markup(script),
            style=Markup(style),
            data=Markup(script_json(payload)),
            goals=words.goal_classes(payload.scenario.goals),
            w=words,
        )
    )


def bundled(name: str) -> str:
    """One of the bundle's files, fit to stand inside its element."""
    text = BUNDLE.joinpath(name).read_text(encoding="utf-8")
    if "\r" in text or any(ending in text.lower() for ending in ("</script", "</style", "<!--")):
        raise ValueError(f"{name}: would end its own element; build the bundle again")
    return text


def script_json(payload: Payload) -> str:
    """The payload as JSON that cannot end the script element it stands in."""
    return payload.model_dump_json().translate(_JSON_ESCAPES)


def content_security_policy(script: str, style: str) -> str:
    """A policy under which only this script and this style run, and nothing is fetched."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash_source(script)}'",
            f"style-src '{_hash_source(style)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash_source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trueaim.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        decimal=words.decimal, interval=words.interval, percent=words.percent, short=words.short, plural=words.plural
    )
    return environment
