"""The reasons in a browser: legible in light, in dark and on paper, no wider than a phone, the same without scripts."""

import pytest
import test_page_in_browser as page_tests
from reasoned import attacked, by_order, full, page

pytestmark = pytest.mark.browser

browser, visit = page_tests.browser, page_tests.visit

CONTRAST = """selector => {
  const rgb = text => text.match(/[0-9.]+/g).slice(0, 3).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = light(rgb(getComputedStyle(document.documentElement).backgroundColor));
  return [...document.querySelectorAll(selector)].map(e => {
    const style = getComputedStyle(e);
    const own = light(rgb(style.fill === "none" ? style.stroke : style.fill));
    return (Math.max(own, paper) + 0.05) / (Math.min(own, paper) + 0.05);
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_stand_out_in_light_and_dark(visit, scheme):
    shown = visit(page(full(), by_order()), color_scheme=scheme)
    letters = shown.evaluate(CONTRAST, "#evidence svg text")
    assert len(letters) > 50
    assert min(letters) >= 4.5
    bars = shown.locator("#evidence svg rect").evaluate_all(
        "all => all.filter(e => e.getAttribute('fill').includes('goal-')).map(e => getComputedStyle(e).fill)"
    )
    goal = "rgb(27, 102, 168)" if scheme == "light" else "rgb(109, 179, 236)"
    assert bars[0] == goal  # the variable is resolved, as an attribute too
    shapes = shown.evaluate(CONTRAST, "#evidence svg .mean, #evidence svg circle")
    assert len(shapes) > 20
    assert min(shapes) >= 3


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [320, 360, 900])
def test_pictures_are_no_wider_than_the_page_and_never_grow(visit, width, scripts):
    shown = visit(page(full(), by_order()), viewport={"width": width, "height": 700}, java_script_enabled=scripts)
    if scripts:
        shown.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert shown.locator("html").evaluate("e => e.scrollWidth") <= width
    drawn = shown.locator("#evidence svg").evaluate_all(
        "all => all.map(e => [e.getBoundingClientRect().right, e.getScreenCTM().a])"
    )
    assert len(drawn) == 5
    for right, scale in drawn:
        assert right <= width
        assert 0.8 < scale <= 1.0001


def test_figures_do_not_overlap_and_their_letters_stay_inside(visit):
    shown = visit(page(full(), by_order()))
    boxes = shown.locator("#evidence figure").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).map(b => [b.left, b.top, b.right, b.bottom])"
    )
    for i, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:i]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    outside = shown.locator("#evidence svg text").evaluate_all(
        """all => all.filter(e => {
          const own = e.getBoundingClientRect(), picture = e.ownerSVGElement.getBoundingClientRect();
          return own.left < picture.left - 1 || own.right > picture.right + 1 || own.bottom > picture.bottom + 1;
        }).map(e => e.textContent)"""
    )
    assert outside == []


def test_everything_reads_without_scripts(visit):
    found = full()
    shown = visit(page(found, by_order()), java_script_enabled=False)
    text = shown.locator("#evidence").inner_text()
    for words in (*found.pursued_words, found.belief_words, *found.regret.words, found.excess, found.exchange.words):
        assert words in text
    assert "Nobody looked inside the agents." in text
    assert shown.locator("#evidence details").count() == 3
    assert shown.locator("#evidence details:not([open])").count() == 0


def test_with_scripts_the_tables_wait_behind_the_pictures(visit):
    shown = visit(page(full()))
    assert shown.locator("#evidence details[open]").count() == 0
    shown.locator("#evidence summary").first.click()
    assert shown.get_by_role("region", name="Belief, level by level").is_visible()
    for name in ("What is pursued", "Belief in each aim", "Share of distinguishing", "How often cheese"):
        assert shown.get_by_role("img", name=name).count() == 1


def test_pictures_are_printed(visit):
    shown = visit(page(full()))
    shown.emulate_media(media="print")
    sizes = shown.locator("#evidence svg").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).map(b => [b.width, b.height])"
    )
    assert len(sizes) == 4
    assert all(width > 150 and height > 100 for width, height in sizes)
    assert min(shown.evaluate(CONTRAST, "#evidence svg text, #evidence svg .mean")) >= 3


@pytest.mark.parametrize("scripts", [True, False])
def test_hostile_names_do_nothing(visit, scripts):
    shown = visit(attacked(page(full(), by_order())), java_script_enabled=scripts)
    if scripts:
        shown.mouse.move(600, 400)
        assert shown.evaluate("window.pwned") is None
    assert shown.locator("#evidence svg").count() == 5
    assert shown.locator("#evidence").locator("img, iframe, script, [onerror], [onload], [onmouseover]").count() == 0
