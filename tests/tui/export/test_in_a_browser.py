"""The report and the poster's page in a real browser: everything is drawn, nothing is asked for, no data is obeyed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from babytrain.tui.export.poster.poster_page import draw_poster, poster_html
from babytrain.tui.export.report.report_page import ReportedRun, report_page
from tests.tui.export.browser import Browser, find_chromium
from tests.tui.export.runs_to_draw import full_run

ATTACK = (
    "</pre></script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "<svg onload=\"document.title='owned'\"><style>body{display:none}</style><a href=javascript:1>\u202e"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip("there is no Chromium on the path; install chromium to open the pages in it")
    with Browser(program, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def opened(browser: Browser, folder: Path, html: str) -> Path:
    page = folder / "page.html"
    page.write_bytes(html.encode())
    browser.open(page)
    return page


def test_the_report_stands_reads_and_zooms(browser: Browser, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, report_page([ReportedRun(full_run("ziggy", steps=400))], {"lr": "0.012"}))
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.value("document.documentElement.dataset.script") == "ran"
    titles = browser.value("[...document.querySelectorAll('figcaption b')].map(one => one.textContent)")
    assert titles == ["Loss", "Learning rate", "Gradient norm", "Speed", "Temperature", "Power"]
    widths = browser.value("[...document.querySelectorAll('path.line')].map(one => one.getBoundingClientRect().width)")
    assert len(widths) == 7
    assert min(widths) > 100
    assert browser.value("document.documentElement.scrollWidth <= innerWidth")

    where = "(() => { const box = document.querySelector('figure svg').getBoundingClientRect();"
    x, y, width = browser.value(where + " return [box.left, box.top + box.height / 2, box.width]; })()")
    browser.mouse("mouseMoved", x + width * 0.5, y)
    reading = browser.value("document.querySelector('.reading').textContent")
    assert reading.startswith(("step 19", "step 20"))
    assert "training\u2069 1" in reading  # the loss has come down to 1 by then

    browser.mouse("mousePressed", x + width * 0.5, y, button="left", clickCount=1)
    browser.mouse("mouseMoved", x + width * 0.75, y, button="left")
    browser.mouse("mouseReleased", x + width * 0.75, y, button="left", clickCount=1)
    look = "document.querySelector('.plot').getAttribute('viewBox').split(' ').map(Number)"
    left, _, seen, _ = browser.value(look)
    assert 400 < left < 520
    assert 200 < seen < 320
    steps = browser.value("[...document.querySelectorAll('figure .steps text')].map(one => Number(one.textContent))")
    assert all(150 < step < 350 for step in steps)
    browser.value("document.querySelector('figure svg').dispatchEvent(new MouseEvent('dblclick'))")
    assert browser.value(look) == [0, 0, 1000, 300]
    assert browser.complaints() == []


def test_several_runs_lie_over_one_another(browser: Browser, tmp_path: Path) -> None:
    runs = [ReportedRun(full_run(name, lr=lr)) for name, lr in (("ada", 1e-3), ("bertie", 3e-3))]
    opened(browser, tmp_path, report_page(runs, {}))
    assert browser.complaints() == []
    keys = browser.value("[...document.querySelectorAll('figure:first-of-type .entry')].map(one => one.textContent)")
    assert keys[:4] == ["ada training", "ada validation", "bertie training", "bertie validation"]
    settings = browser.value("document.getElementById('settings').innerText")
    assert "0.001" in settings
    assert "0.003" in settings


@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_fits_a_telephone_and_a_desk(browser: Browser, tmp_path: Path, width: int) -> None:
    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 500)
    try:
        long = full_run("a name that somebody made up while waiting", steps=3000)
        several = report_page([ReportedRun(full_run("ziggy")), ReportedRun(long), ReportedRun(full_run("ziggy"))], {})
        for html in (report_page([ReportedRun(long)], {}), several):
            opened(browser, tmp_path, html)
            browser.value("document.querySelectorAll('details').forEach(one => one.open = true)")
            assert browser.value("document.documentElement.scrollWidth <= innerWidth")
            boxes = browser.value(
                "[...document.querySelectorAll('.area text')].map(one => one.getBoundingClientRect())"
                ".filter(box => box.width).map(box => [box.left, box.right, box.height])"
            )
            assert len(boxes) > 20
            assert min(left for left, _, _ in boxes) >= 0
            assert max(right for _, right, _ in boxes) <= width
            assert min(height for _, _, height in boxes) > 9  # no words are stretched or shrunk
            cut = "[...document.querySelectorAll('.scroll.stacked, .scroll.message')].filter(one => one.scrollWidth > "
            assert browser.value(cut + "one.clientWidth + 1).length") == 0
    finally:
        browser.ask("Emulation.clearDeviceMetricsOverride")


def test_no_text_of_a_run_is_obeyed(browser: Browser, tmp_path: Path) -> None:
    snapshot = full_run(ATTACK, name="quiet")
    for html in (
        report_page([ReportedRun(snapshot, {"argv": [ATTACK], ATTACK: ATTACK})], {}),
        poster_html(draw_poster(snapshot), "quiet"),
    ):
        opened(browser, tmp_path, html)
        assert browser.complaints() == []
        assert browser.value("document.title") == "quiet"
        assert browser.value("document.querySelectorAll('img, iframe, a, [onerror], [onload]').length") == 0
        assert browser.value("document.querySelectorAll('svg').length") > 0


def test_the_policy_would_stop_what_escaping_missed(browser: Browser, tmp_path: Path) -> None:
    raw = "<script>document.title='owned'</script><img src='https://example.invalid/x.png' onerror='document.title=1'>"
    for html in (report_page([ReportedRun(full_run("x"))], {}), poster_html(draw_poster(full_run("x")), "x")):
        page = opened(browser, tmp_path, html.replace("</body>", raw + "</body>"))
        assert browser.value("document.title") == "x"
        assert len(browser.complaints()) >= 2
        assert browser.requests() == [page.as_uri()]


def test_the_poster_fills_its_page(browser: Browser, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, poster_html(draw_poster(full_run("ziggy")), "ziggy"))
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    box = browser.value("(({width, height}) => [width, height])(document.querySelector('svg').getBoundingClientRect())")
    assert box[1] / box[0] == pytest.approx(420 / 297, rel=0.01)
    assert box[1] > 500
    outside = browser.value(
        "[...document.querySelectorAll('svg text')].filter(one => one.getBoundingClientRect().right > "
        "document.querySelector('svg').getBoundingClientRect().right).length"
    )
    assert outside == 0
