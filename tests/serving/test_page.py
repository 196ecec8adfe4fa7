"""The page at /, in a real browser and against the real server."""

import csv
import io
import json
import random
import re
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from headless_browser import browser  # noqa: F401 - a fixture

from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.text.tokenizer import BertTokenizer

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

ATTACK = "<img src=x onerror=\"document.title='ran'\"><script>document.title='ran'</script>"
HOSTILE_NAMES = (ATTACK, "\u202egnp\u202c \x1b[31m", "';document.title='ran';'", "__proto__")
TEXT = "late parcel , refund price . kind thanks"


def make_model(encoder, names, **more):
    checkpoint = load_checkpoint(encoder)
    rng = np.random.default_rng(4)
    return ClassifierModel(
        config=checkpoint.config,
        tensors=checkpoint.tensors,
        kernel=rng.normal(0, 1.2, (16, len(names))).astype(np.float32),
        bias=np.zeros(len(names), np.float32),
        pooling="mean",
        label_names=tuple(names),
        tokenizer=BertTokenizer.from_files(checkpoint.tokenizer_files),
        max_seq_length=16,
        rule=DecisionRule(np.linspace(0.2, 0.8, len(names)), **more.pop("rule", {})),
        precision="float32",
        **more,
    )


class Moods:
    """Answers some requests as a server in trouble would, before the real one is asked."""

    def __init__(self, app):
        self.app = app
        self.busy = 0
        self.asked = []

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            self.asked.append(scope["path"])
            if self.busy and scope["path"].startswith("/v1/labels"):
                self.busy -= 1
                headers = [(b"retry-after", b"1"), (b"content-type", b"application/json")]
                body = b'{"error": "Too much to do.", "error_type": "overloaded"}'
                await send({"type": "http.response.start", "status": 429, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                return
        await self.app(scope, receive, send)


@contextmanager
def serving(predictors, **how):
    from served import make_service

    from multilabel_bert.serving.application import create_application
    from multilabel_bert.serving.limits import Limits
    from multilabel_bert.serving.server import Server, address, open_socket

    limits = Limits(max_text_characters=2000)
    with open_socket("127.0.0.1", 0) as listening:
        service = make_service({name: one.model for name, one in predictors.items()}, limits)
        moods = Moods(create_application(service, **how))
        server = Server(moods, limits)
        thread = threading.Thread(target=server.serve_socket, args=(listening,), daemon=True)
        thread.start()
        moods.url = address(listening)
        yield moods
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def models(tiny_encoder):
    plain = make_model(tiny_encoder, ["delay", "refund", "praise", "broken"])
    pairs = make_model(tiny_encoder, ["same", "other"], layout={"pair_column": "text_b"})
    many = make_model(tiny_encoder, [f"label {number}" for number in range(60)])
    return {
        "messages": Predictor(plain),
        "pairs": Predictor(pairs),
        "many": Predictor(many),
        ATTACK: Predictor(make_model(tiny_encoder, HOSTILE_NAMES)),
    }


@pytest.fixture(scope="module")
def server(models):
    with serving(models) as running:
        yield running


def wait_for(browser, script, *arguments, seconds=20):  # noqa: F811
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := browser.run(f"return {script}", *arguments):
            return found
        time.sleep(0.02)
    state = browser.run("return document.body.innerText")
    raise AssertionError(f"never true: {script}\n{state}\n{browser.console()}")


def open_page(browser, server, **how):  # noqa: F811
    said = browser.open(server.url, **how)
    wait_for(browser, "document.getElementById('known-labels').childElementCount > 0")
    return said + browser.console()


def choose_model(browser, name):  # noqa: F811
    browser.run(
        "const choice = document.getElementById('model'); choice.value = arguments[0];"
        "choice.dispatchEvent(new Event('change'));",
        name,
    )
    wait_for(browser, "document.getElementById('model').value === arguments[0]", name)
    wait_for(browser, "!document.getElementById('go').disabled")


def type_and_send(browser, text, *, pair=None):  # noqa: F811
    from selenium.webdriver.common.keys import Keys

    place = browser.driver.find_element("id", "text")
    place.clear()
    # As pasted: keys could not write everything.
    browser.run("arguments[0].value = arguments[1]", place, text)
    if pair is not None:
        browser.run("document.getElementById('pair').value = arguments[0]", pair)
    place.send_keys(Keys.CONTROL, Keys.ENTER)
    place.send_keys(Keys.NULL)
    wait_for(browser, "!document.getElementById('scores').hidden")
    wait_for(browser, "document.getElementById('answer').getAttribute('aria-busy') === 'false'")


ROWS = """[...document.querySelectorAll('#scores li')].map(row => ({
    name: row.querySelector('.label').textContent, score: row.querySelector('.score').textContent,
    sign: row.querySelector('.sign').textContent, width: row.querySelector('.fill').style.width,
    tick: row.querySelector('.tick')?.style.left, said: row.querySelector('button').ariaLabel}))"""


def test_its_files_are_served_with_a_policy_and_hold_nothing_inline(server):
    from multilabel_bert.serving.static_files import page_files

    with urllib.request.urlopen(server.url) as answer:
        policy = answer.headers["Content-Security-Policy"]
        index = answer.read().decode()
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<style" not in index
    assert " style=" not in index
    assert index.count("<script") == index.count('<script type="module" src=') == 1
    names = set(page_files())
    assert {"index.html", "page.css", "page.js", "icon.svg"} <= names
    for content, _ in page_files().values():
        text = content.decode().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text
        # Relative, so that it works below any path of a proxy.
        assert not re.search(r"[\"'`](/page|/v1|/docs)", text)
        assert "innerHTML" not in text
        assert "insertAdjacentHTML" not in text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_a_text_gets_its_labels_and_the_words_that_mattered(
    browser,  # noqa: F811
    server,
    models,
    width,
    dark,
):
    assert open_page(browser, server, width=width, dark=dark) == []
    type_and_send(browser, TEXT)
    probabilities = models["messages"].predict_proba([TEXT])[0]
    given = models["messages"].predict([TEXT])[0]
    thresholds = models["messages"].model.rule.thresholds
    rows = browser.run(f"return {ROWS}")
    order = np.argsort(-probabilities, kind="stable")
    assert [row["name"] for row in rows] == [models["messages"].label_names[i] for i in order]
    for row, column in zip(rows, order, strict=True):
        assert float(row["score"]) == pytest.approx(float(probabilities[column]), abs=6e-4)
        assert float(row["width"].rstrip("%")) == pytest.approx(
            100 * probabilities[column], abs=0.1
        )
        assert float(row["tick"].rstrip("%")) == pytest.approx(100 * thresholds[column], abs=0.1)
        # Not by colour alone.
        assert row["sign"] == ("✓" if given[column] else "")
        assert (": given," in row["said"]) == bool(given[column])
    browser.run("document.querySelector('#scores button').click()")
    wait_for(browser, "!document.getElementById('why-legend').hidden")
    words = browser.run("return document.getElementById('why-words').textContent")
    assert words == TEXT
    marked = browser.run("return document.querySelectorAll('#why-words mark').length")
    assert 1 <= marked <= 8
    assert browser.run("return document.getElementById('why-title').textContent").startswith("Why ")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.console() == []


def test_many_labels_are_shown_in_part(browser, server):  # noqa: F811
    open_page(browser, server)
    choose_model(browser, "many")
    type_and_send(browser, TEXT)
    seen = "[...document.querySelectorAll('#scores li')].filter(row => !row.hidden).length"
    first = browser.run(f"return {seen}")
    given = browser.run("return document.querySelectorAll('#scores .given').length")
    assert first == max(12, given) < 60
    browser.run("document.getElementById('more').click()")
    assert browser.run(f"return {seen}") == 60
    choose_model(browser, "messages")


def test_a_pair_is_sent_as_one(browser, server, models):  # noqa: F811
    open_page(browser, server)
    assert browser.run("return document.getElementById('pair-field').hidden")
    choose_model(browser, "pairs")
    assert not browser.run("return document.getElementById('pair-field').hidden")
    type_and_send(browser, "late parcel", pair="refund 😀 price")
    expected = models["pairs"].predict_proba([("late parcel", "refund 😀 price")])[0].max()
    assert float(browser.run(f"return {ROWS}")[0]["score"]) == pytest.approx(expected, abs=6e-4)
    browser.run("document.querySelector('#scores button').click()")
    wait_for(browser, "!document.getElementById('why-legend').hidden")
    shown = browser.run(
        "return [...document.querySelectorAll('#why-words .words')].map(one => one.textContent)"
    )
    assert shown == ["late parcel", "refund 😀 price"]
    words = "[...document.querySelectorAll('#why-words mark')].map(one => one.textContent)"
    # Places are counted as Python counts them.
    assert "price" in browser.run(f"return {words}")
    choose_model(browser, "messages")


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_that_somebody_wrote_runs(browser, server, width):  # noqa: F811
    open_page(browser, server, width=width)
    choose_model(browser, ATTACK)
    type_and_send(browser, f"{ATTACK} late \u202e \x07 {'w' * 300} refund")
    for row in range(4):
        browser.run("document.querySelectorAll('#scores button')[arguments[0]].click()", row)
        wait_for(browser, "!document.getElementById('why-legend').hidden")
        browser.run("document.getElementById('why-legend').hidden = true")
    assert "ran" not in browser.run("return document.title.slice(0, 3)")
    assert browser.run("return document.images.length") == 0
    assert browser.run("return document.scripts.length") == 1
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert "\u202e" not in browser.run("return document.getElementById('scores').textContent")
    assert browser.console() == []


def test_what_the_server_refuses_is_said(browser, server):  # noqa: F811
    open_page(browser, server)
    message = "document.getElementById('message-text').textContent"
    browser.run("document.getElementById('go').click()")
    assert browser.run(f"return {message}") == "There is no text yet. Type or paste one."
    browser.run("document.getElementById('text').value = 'late '.repeat(600)")
    browser.run("document.getElementById('go').click()")
    wait_for(browser, f"{message}.startsWith('A text has 3000 characters, more than the 2000')")
    # The browser itself says that a request failed.
    assert all("413" in line for line in browser.console())
    type_and_send(browser, TEXT)
    assert browser.run("return document.getElementById('message').hidden")


def test_a_busy_server_is_asked_again(browser, server):  # noqa: F811
    open_page(browser, server)
    server.busy = 1
    browser.run("document.getElementById('text').value = 'late parcel'")
    browser.run("document.getElementById('go').click()")
    given = "document.getElementById('given').textContent"
    wait_for(browser, f"{given} === 'The server is busy; asking again in 1 s.'")
    wait_for(browser, "!document.getElementById('scores').hidden")
    assert server.busy == 0
    browser.console()


def test_a_server_that_is_gone_is_said(browser, models):  # noqa: F811
    with serving({"messages": models["messages"]}) as running:
        open_page(browser, running)
        assert browser.run("return document.getElementById('model-choice').hidden")
    browser.run("document.getElementById('text').value = 'late parcel'")
    browser.run("document.getElementById('go').click()")
    said = "document.getElementById('message-text').textContent"
    wait_for(browser, f"{said}.startsWith('The server cannot be reached.')")
    browser.console()


def test_a_key_is_asked_for_and_kept_in_the_tab(browser, models):  # noqa: F811
    with serving({"messages": models["messages"]}, api_key="a secret") as running:
        browser.open(running.url)
        for key, ending in (("wrong", "The server did not take that key."), ("a secret", None)):
            wait_for(browser, "document.getElementById('key-dialog').open")
            browser.run(
                "document.getElementById('key').value = arguments[0];"
                "document.querySelector('#key-form .do').click()",
                key,
            )
            if ending:
                note = "document.getElementById('key-note').textContent"
                wait_for(browser, f"{note}.startsWith(arguments[0])", ending)
        wait_for(browser, "document.getElementById('known-labels').childElementCount === 4")
        browser.console()
        assert open_page(browser, running) == []
        type_and_send(browser, TEXT)
        stored = browser.run("return [localStorage.length, document.cookie]")
        assert stored == [0, ""]
        browser.run("sessionStorage.clear()")


# --- files ---

WORDS = ["late", "parcel", "refund", "thanks", "broken", "kind", "price"]


def random_rows(count, *, seed=0):
    rng = random.Random(seed)
    pieces = [*WORDS, '"', ",", ";", "\n", "\r\n", "é", "😀", " ", "", '""', "a,b"]
    return [
        [str(row), "".join(rng.choices(pieces, k=rng.randint(0, 7))), rng.choice(pieces)]
        for row in range(count)
    ]


def write_csv(path, rows, header=("id", "text", "note"), *, encoding="utf-8", **how):
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, **how).writerows([header, *rows] if header else rows)
    return path


def upload(browser, path):  # noqa: F811
    browser.run("document.getElementById('tab-file').click()")
    browser.driver.find_element("id", "file").send_keys(str(path))
    wait_for(browser, "!document.getElementById('file-form').hidden")


def saved(browser):  # noqa: F811
    """The name of the file that is offered; the policy lets no script read it."""
    link = browser.driver.find_element("css selector", "#result a")
    return link.get_attribute("download")


@pytest.fixture
def downloads(browser, tmp_path):  # noqa: F811
    folder = tmp_path / "downloads"
    folder.mkdir()
    browser.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)}
    )

    def result() -> str:
        name = saved(browser)
        browser.run("document.querySelector('#result a').click()")
        until = time.monotonic() + 20
        while not (folder / name).exists() and time.monotonic() < until:
            time.sleep(0.02)
        return (folder / name).read_bytes().decode("utf-8")

    return result


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_comes_back_with_its_labels(
    browser,  # noqa: F811
    server,
    models,
    tmp_path,
    downloads,
    delimiter,
):
    open_page(browser, server)
    rows = random_rows(150)
    rows[0][1] = "late parcel , refund"  # what a column of texts looks like
    path = write_csv(tmp_path / "my texts.csv", rows, delimiter=delimiter)
    upload(browser, path)
    assert browser.run("return document.getElementById('text-column').value") == "1"
    assert browser.run("return document.getElementById('header').checked")
    browser.run("document.getElementById('run').click()")
    wait_for(browser, "document.querySelector('#result a')")
    assert "150 texts" in browser.run("return document.getElementById('progress-text').textContent")
    assert browser.run("return document.getElementById('progress').value") == 1
    text = downloads()
    assert text.startswith("\ufeff")
    header, *answers = csv.reader(io.StringIO(text[1:], newline=""), delimiter=delimiter)
    names = models["messages"].label_names
    assert header == ["id", "text", "note", "labels", *names]
    assert [answer[:3] for answer in answers] == rows
    probabilities = models["messages"].predict_proba([row[1] for row in rows])
    decisions = models["messages"].predict([row[1] for row in rows])
    found = np.array([[float(cell) for cell in answer[4:]] for answer in answers])
    np.testing.assert_allclose(found, probabilities, atol=1e-5)
    for answer, row in zip(answers, decisions, strict=True):
        given = {name for name, yes in zip(names, row, strict=True) if yes}
        assert set(json.loads(answer[3])) == given
    assert browser.console() == []


def test_a_file_without_a_header_in_another_encoding(
    browser,  # noqa: F811
    server,
    tmp_path,
    downloads,
):
    open_page(browser, server)
    rows = [["späte Lieferung, überall zu spät", "1"], ["danke schön für alles und mehr", "2"]]
    upload(browser, write_csv(tmp_path / "t.csv", rows, header=None, encoding="latin-1"))
    assert browser.run("return document.getElementById('encoding').value") == "windows-1252"
    assert not browser.run("return document.getElementById('header').checked")
    browser.run("document.getElementById('run').click()")
    wait_for(browser, "document.querySelector('#result a')")
    header, *answers = csv.reader(io.StringIO(downloads()[1:], newline=""))
    assert header[:3] == ["column 1", "column 2", "labels"]
    assert [answer[:2] for answer in answers] == rows


def test_columns_that_are_there_are_not_written_twice(
    browser,  # noqa: F811
    server,
    tmp_path,
    downloads,
):
    open_page(browser, server)
    path = write_csv(tmp_path / "t.csv", [["late", "1", "x"]], header=("text", "delay", "labels"))
    upload(browser, path)
    browser.run("document.getElementById('run').click()")
    wait_for(browser, "document.querySelector('#result a')")
    header = next(csv.reader(io.StringIO(downloads()[1:], newline="")))
    assert header[:5] == ["text", "delay", "labels", "labels (predicted)", "delay (predicted)"]


def test_a_long_file_shows_progress_and_can_be_cancelled(
    browser,  # noqa: F811
    server,
    tmp_path,
    downloads,
):
    open_page(browser, server)
    rows = [[str(row), f"late parcel {row} refund"] for row in range(60_000)]
    # Several slices: cut within rows, and within characters of several bytes.
    rows[30_000][1] = "é😀" * 200
    upload(browser, write_csv(tmp_path / "long.csv", rows, header=("id", "text")))
    browser.run("document.getElementById('run').click()")
    state = "document.getElementById('progress-text').textContent"
    wait_for(browser, f"/^[1-9][0-9,]* texts, [0-9]+%, /.test({state})")
    assert browser.run("return document.getElementById('run').disabled")
    browser.run("document.getElementById('cancel').click()")
    wait_for(browser, f"{state} === 'Cancelled.'")
    assert not browser.run("return document.getElementById('run').disabled")
    answers = list(csv.reader(io.StringIO(downloads()[1:], newline="")))
    assert 1 < len(answers) < 60_000
    assert [answer[:2] for answer in answers[1:]] == rows[: len(answers) - 1]


def test_a_text_that_is_refused_is_named_and_the_rest_is_kept(
    browser,  # noqa: F811
    server,
    tmp_path,
    downloads,
):
    open_page(browser, server)
    rows = [[f"late {row}"] for row in range(200)]
    rows[150] = ["late " * 500]
    upload(browser, write_csv(tmp_path / "t.csv", rows, header=("text",)))
    browser.run("document.getElementById('run').click()")
    said = "document.getElementById('message-text').textContent"
    wait_for(browser, f"{said}.startsWith('Text 151 of the file: A text has 2500 characters')")
    wait_for(browser, "document.querySelector('#result a')")
    answers = list(csv.reader(io.StringIO(downloads()[1:], newline="")))
    assert [answer[0] for answer in answers[1:]] == [row[0] for row in rows[: len(answers) - 1]]
    browser.console()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "The file is empty."), (b"\n\n", "No row was found in the file.")],
)
def test_a_file_without_rows_is_said(browser, server, tmp_path, content, message):  # noqa: F811
    open_page(browser, server)
    (tmp_path / "t.csv").write_bytes(content)
    browser.run("document.getElementById('tab-file').click()")
    browser.driver.find_element("id", "file").send_keys(str(tmp_path / "t.csv"))
    said = "document.getElementById('message-text').textContent"
    wait_for(browser, f"{said}.startsWith(arguments[0])", message)


@pytest.mark.parametrize("width", [390, 1200])
def test_a_hostile_file_does_not_run(browser, server, tmp_path, width):  # noqa: F811
    open_page(browser, server, width=width)
    path = write_csv(tmp_path / "t.csv", [[ATTACK, "x" * 500]], header=(ATTACK, "text"))
    upload(browser, path)
    browser.run("document.getElementById('run').click()")
    wait_for(browser, "document.querySelector('#result a')")
    assert browser.run("return document.images.length") == 0
    assert not browser.run("return document.title.startsWith('ran')")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.console() == []


def test_csv_is_read_as_python_reads_it_however_it_is_cut(browser, server):  # noqa: F811
    open_page(browser, server)
    script = """
        const [texts, cuts, done] = arguments;
        import('/page/csv.js').then(({ CsvReader, csvLine }) => done(texts.map((text, index) => {
            const reader = new CsvReader(',');
            const rows = [];
            for (let at = 0; at < text.length; at += cuts[index]) {
                rows.push(...reader.push(text.slice(at, at + cuts[index])));
            }
            rows.push(...reader.end());
            return [rows, rows.map(row => csvLine(row, ',')).join('')];
        }))).catch(error => done(String(error)));
    """
    rng = random.Random(3)
    pieces = ['"', '""', ",", "\n", "\r\n", "\r", "a", " ", "é", "😀", '"a,b"', '"\n"']
    texts = []
    for seed in range(300):
        line = io.StringIO()
        csv.writer(line, lineterminator=rng.choice(["\n", "\r\n"])).writerows(
            random_rows(rng.randint(1, 5), seed=seed)
        )
        texts.append(line.getvalue())
    texts += ["".join(rng.choices(pieces, k=rng.randint(1, 12))) for _ in range(300)]
    cuts = [rng.randint(1, 9) for _ in texts]
    found = browser.driver.execute_async_script(script, texts, cuts)
    for text, (rows, written) in zip(texts, found, strict=True):
        # Python takes a lone line break in a row of one cell as no row too.
        expected = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        assert rows == expected, text
        assert list(csv.reader(io.StringIO(written, newline=""))) == rows


def test_tabs_and_results_are_reached_by_keys(browser, server):  # noqa: F811
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    open_page(browser, server)
    wait_for(browser, "document.activeElement.id === 'text'")
    ActionChains(browser.driver).send_keys("late parcel").perform()
    ActionChains(browser.driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(
        Keys.CONTROL
    ).perform()
    wait_for(browser, "!document.getElementById('scores').hidden")
    # Text, button, clear, then the labels.
    ActionChains(browser.driver).send_keys(Keys.TAB * 3, Keys.ENTER).perform()
    wait_for(browser, "!document.getElementById('why-legend').hidden")
    browser.run("document.getElementById('tab-text').focus()")
    ActionChains(browser.driver).send_keys(Keys.ARROW_RIGHT).perform()
    assert browser.run("return document.activeElement.id") == "tab-file"
    assert not browser.run("return document.getElementById('panel-file').hidden")
    assert browser.run(
        "return [...document.querySelectorAll('input, select, textarea')].every("
        "field => field.labels.length > 0)"
    )


def test_the_files_are_in_the_package():
    folder = Path(__file__).resolve().parents[2] / "src/multilabel_bert/serving/page"
    assert {path.suffix for path in folder.iterdir()} == {".html", ".js", ".css", ".svg"}
