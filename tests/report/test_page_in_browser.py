"""The page in a browser: it plays, it fits a phone, it reads without scripts, and hostile text does nothing."""

import json
import shutil

import pytest
from sample import hostile, sample

from trueaim.report import payload as p
from trueaim.report.page import render

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with driver.sync_playwright() as play:
        running = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Opens a payload's page; in the end nothing may have been fetched, refused by the policy or complained of."""
    contexts, complaints = [], []

    def open_page(payload, **options):
        file = tmp_path / "report.html"
        file.write_text(render(payload), encoding="utf-8")
        context = browser.new_context(**({"viewport": {"width": 1200, "height": 900}} | options))
        contexts.append(context)
        context.route("**/*", lambda route: route.continue_() if route.request.url == file.as_uri() else route.abort())
        page = context.new_page()
        page.on("request", lambda request: _note(complaints, request.url, {file.as_uri(), "data:,"}))
        page.on("console", lambda message: _note(complaints, f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: _note(complaints, str(error)))
        page.on("dialog", lambda dialog: (_note(complaints, dialog.message), dialog.dismiss()))
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def _note(complaints, text, allowed=frozenset()):
    if text.partition("#")[0] not in allowed:
        complaints.append(text)


def shown_step(page):
    return int(page.locator(".stage .agent").get_attribute("data-step"))


def wait_for_step(page, step):
    page.wait_for_function("step => document.querySelector('.stage .agent').dataset.step >= step", arg=step)


def test_a_replay_plays_scrubs_and_obeys_keys(visit):
    page = visit(sample(), reduced_motion="reduce")
    last = len(sample().replays[0].path) - 1
    player = page.locator(".player")
    player.scroll_into_view_if_needed()
    assert shown_step(page) == 0

    page.get_by_label("Speed").select_option("4×")
    page.get_by_role("button", name="Play", exact=True).click()
    wait_for_step(page, 2)
    page.get_by_role("button", name="Pause").click()
    paused = shown_step(page)
    page.wait_for_timeout(200)
    assert shown_step(page) == paused

    page.get_by_label("Step", exact=True).fill(str(last))
    assert page.locator(".step-count").inner_text() == f"{last} / {last}"
    assert "Time ran out" in page.locator(".ending").inner_text()
    player.focus()
    for key, step in (("ArrowLeft", last - 1), ("Home", 0), ("ArrowLeft", 0), ("ArrowRight", 1), ("End", last)):
        page.keyboard.press(key)
        assert shown_step(page) == step
    page.keyboard.press("Space")
    wait_for_step(page, 1)
    page.keyboard.press("Space")


def test_it_does_not_start_by_itself_once_a_person_took_over(visit):
    page = visit(sample(), viewport={"width": 1200, "height": 500})
    page.locator("input[aria-label=Step]").evaluate(
        "e => { e.value = 7; e.dispatchEvent(new Event('input', {bubbles: true})) }"
    )
    page.locator(".controls").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    assert shown_step(page) == 7


def moving():
    """The sample with a key that is taken at step 2, a monster that walks, and a hint."""
    whole = sample()
    replay = whole.replays[0]
    key = p.Thing(name="key", row=3, col=4, changes=(p.Change(time=2, cell=None),))
    walk = tuple(p.Change(time=time, cell=(6, time)) for time in range(1, 6))
    held = p.Held(name="keys held", counts=tuple(int(time > 1) for time in range(len(replay.path))))
    things = (*replay.things, key, p.Thing(name="monster", row=6, col=0, changes=walk))
    changed = replay.model_copy(update={"things": things, "told": ("red",), "held": (held,)})
    return whole.model_copy(update={"replays": (changed, *whole.replays[1:])})


def test_things_that_change_are_where_they_are_at_each_step(visit):
    page = visit(moving(), reduced_motion="reduce")
    key, monster = (page.locator(".stage .moving").filter(has_text=name) for name in ("key", "monster"))

    def seek(step):
        page.get_by_label("Step", exact=True).fill(str(step))
        matrix = monster.evaluate("e => new DOMMatrix(getComputedStyle(e).transform)")
        gone = key.evaluate("e => getComputedStyle(e).opacity") == "0"
        return matrix["e"], matrix["f"], gone, page.locator(".status").inner_text()

    assert seek(0) == (0.5, 6.5, False, "told: red · holds: keys held 0")
    assert seek(1) == (1.5, 6.5, False, "told: red · holds: keys held 0")
    assert seek(2) == (2.5, 6.5, True, "told: red · holds: keys held 1")
    assert seek(9) == (5.5, 6.5, True, "told: red · holds: keys held 1")
    assert seek(1)[2] is False
    assert page.locator(".stage .thing-letter").all_text_contents() == ["K", "M"]
    boxes = page.locator(".stage .thing").evaluate_all("all => all.map(e => e.getBBox().width)")
    assert len(boxes) == 3
    assert min(boxes) > 1  # they are drawn, in the units of the board's marks
    page.locator(".pick").nth(1).click()
    assert page.locator(".status, .stage .moving, .stage .thing-letter").count() == 0


def test_another_level_starts_at_its_own_beginning(visit):
    page = visit(sample(), reduced_motion="reduce")
    page.get_by_label("Step", exact=True).fill("5")
    page.locator(".pick").nth(2).click()
    assert page.locator(".why").inner_text() == sample().replays[2].why
    assert shown_step(page) == 0
    assert page.locator(".pick").nth(2).get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize(("motion", "moves"), [("no-preference", True), ("reduce", False)])
@pytest.mark.parametrize("size", [(1200, 900), (375, 640)])
def test_it_plays_by_itself_only_where_motion_is_welcome(visit, size, motion, moves):
    page = visit(sample(), reduced_motion=motion, viewport={"width": size[0], "height": size[1]})
    page.wait_for_timeout(400)
    assert shown_step(page) == 0
    page.locator(".controls").scroll_into_view_if_needed()
    page.wait_for_timeout(900)
    assert (shown_step(page) > 0) is moves


def test_curves_are_read_by_pointer_and_by_keyboard(visit):
    page = visit(sample())
    moment = page.locator(".curve-reader output strong")
    assert moment.inner_text() == "2M"
    box = page.locator(".curve svg").first
    box.hover(position={"x": 40, "y": 60})
    assert moment.inner_text() == "0"
    page.get_by_label("Read at").press("ArrowRight")
    assert moment.inner_text() == "80k"


def test_the_map_tells_the_share_of_a_cell(visit):
    page = visit(sample())
    page.locator(".heat svg").first.hover(position={"x": 6, "y": 6})
    assert page.locator(".heat-foot output").first.inner_text().startswith("Row 1, column 1: agents 9")


def test_the_command_can_be_copied(visit):
    page = visit(sample())
    button = page.locator(".command button")
    button.click()
    page.wait_for_function("b => b.textContent !== 'Copy'", arg=button.element_handle())
    assert button.inner_text() in {"Copied", "Select it and press Ctrl+C"}


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [320, 375, 768])
def test_narrow_screens_never_scroll_sideways(visit, width, scripts):
    page = visit(sample(), viewport={"width": width, "height": 700}, java_script_enabled=scripts)
    if scripts:
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.locator("html").evaluate("e => e.scrollWidth") <= width


def test_long_words_do_not_widen_the_page(visit):
    whole = json.loads(sample().model_dump_json().replace("corner", "corner" * 20))
    page = visit(p.Payload.model_validate(whole), viewport={"width": 375, "height": 700})
    assert page.locator("html").evaluate("e => e.scrollWidth") <= 375


CONTRAST = """() => {
  const rgb = text => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgb(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
  };
  const ratios = [...document.querySelectorAll('.chip, .badge, .small, .lead, .verdict-sentence, .three-where, td, dd')]
    .filter(e => e.getClientRects().length)
    .map(e => [light(rgb(getComputedStyle(e).color)), light(behind(e))])
    .map(([a, b]) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  return Math.min(...ratios);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(visit, scheme):
    page = visit(sample(), color_scheme=scheme)
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (paper == "rgb(21, 22, 26)") is (scheme == "dark")
    assert page.evaluate(CONTRAST) >= 4.5


def test_everything_essential_reads_without_scripts(visit):
    page = visit(sample(), java_script_enabled=False)
    text = page.locator("body").inner_text()
    whole = sample()
    for card in whole.verdicts:
        for words_ in (card.sentence, card.label, *card.evidence, *card.would_change, *card.warnings):
            assert words_ in text
    for words_ in ("0.21 [0.17, 0.25]", "0.93 [0.90, 0.95]", "Why this verdict", whole.provenance.command, "240k"):
        assert words_ in text
    assert all(replay.why in text for replay in whole.replays)
    assert page.locator("svg[role=img], canvas").count() == 0


def test_pictures_have_words(visit):
    page = visit(sample())
    pictures = page.locator("svg:not([aria-hidden=true]):not(svg svg)")
    assert pictures.count() > 10
    labels = pictures.evaluate_all("all => all.map(e => e.getAttribute('aria-label'))")
    assert all(labels)
    assert page.locator("details.as-text").count() >= 5
    assert page.locator("details.as-text[open]").count() == 0


@pytest.mark.parametrize("scripts", [True, False])
def test_hostile_text_does_nothing(visit, scripts):
    attacked = p.Payload.model_validate(hostile(sample().model_dump()))
    page = visit(attacked, java_script_enabled=scripts)
    if scripts:
        page.mouse.move(600, 400)
        page.get_by_label("Step", exact=True).fill("3")
        assert page.evaluate("window.pwned") is None
        assert attacked.verdicts[0].sentence in page.locator(".verdict-sentence").first.text_content()
    assert page.locator("img, iframe, [onerror], [onload], [onmouseover]").count() == 0
    assert page.locator("script").count() == 2
    assert "49" not in page.locator("h1").text_content()
