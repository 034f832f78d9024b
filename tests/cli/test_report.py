"""report --html: one page that holds what is there, and nothing that a value could bring along."""

from html.parser import HTMLParser

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "' onmouseover='alert(3)",
    "</code></td></table><iframe src=https://evil.test></iframe>",
    "&lt;b&gt; &#60;i&#62; &amp;",
    "javascript:alert(4)",
    "<!-- a", "--> ]]>",
    "</style><style>*{display:none}",
]


class Page(HTMLParser):
    """Elements, their attributes, the text, and whether all is closed in order."""

    VOID = {"meta", "br", "hr", "img", "link", "input"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.texts, self.open, self.comments = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    def handle_comment(self, data):
        self.comments.append(data)

    @property
    def text(self):
        return "\n".join(self.texts)


def report(world, *arguments, code=0):
    path = world.scpctl.scratch / "page.html"
    done = world.run("report", "--html", str(path), *arguments)
    assert done.returncode == code, done
    return path.read_text()


def check_harmless(text):
    page = Page(text)
    assert set(page.elements) <= {
        "html", "head", "meta", "title", "style", "body", "header", "main", "h1", "h2", "p", "div", "span", "b", "code",
        "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
    assert {name for name, _ in page.attributes} <= {"lang", "charset", "http-equiv", "content", "name", "class", "data-label"}
    assert page.elements.count("style") == 1 and page.comments == []
    style = text[text.index("<style>"):text.index("</style>")]
    assert "url(" not in style and "@import" not in style
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    return page


def test_what_is_there(world):
    world.mirror()
    text = report(world)
    page = check_harmless(text)
    for wanted in ("All is as it should be", "What is mirrored where", "in sync", world.source().dn, world.rule["name"],
                   "Recent writes of this host", "create", "emea.corp.test", "read to its end"):
        assert wanted in page.text, wanted
    for binding in world.source()["serviceBindingInformation"]:
        assert binding.replace("\\", "\\\\") in page.text
    for feature in ("prefers-color-scheme: dark", "@media print", "max-width"):
        assert feature in text


def test_due_and_held(world):
    page = check_harmless(report(world))
    assert "Changes are due" in page.text and "missing" in page.text and "to be created" in page.text
    world.mirror()
    world.like_source("corp", serviceBindingInformation=["another"])
    page = check_harmless(report(world))
    assert "waits for a person" in page.text and "native-differs" in page.text and "scpctl adopt" in page.text
    assert "held: native-differs" in page.text and "in sync\n" not in page.text.replace("0 in sync", "")


def test_hostile_values(world):
    world.mirror()
    world.emea.modify(world.source_dn, {"serviceBindingInformation": HOSTILE, "displayName": HOSTILE[0]})
    page = check_harmless(report(world))
    for value in HOSTILE:
        assert value in page.text, value
    assert world.sync().exit == 0
    page = check_harmless(report(world))
    for value in HOSTILE:
        assert value in page.text, value


def test_control_characters(world):
    world.emea.modify(world.source_dn, {"serviceBindingInformation": ["a\x1b[31mb", "left\u202eright"]})
    text = report(world)
    check_harmless(text)
    assert not set(text) & set("\x1b\u202e")


def test_an_unread_domain_is_told_and_the_page_written(world):
    world.mirror()
    world.stop("emea")
    page = check_harmless(report(world, code=4))
    assert "incomplete" in page.text and "Not all could be read" in page.text
    assert "source-not-seen" in page.text


def test_as_a_document_and_what_is_needed(world, scpctl):
    path = scpctl.scratch / "page.html"
    document = world.run("report", "--html", str(path), "-o", "json").json
    assert document == {"schema": "scpd.report/1", "file": str(path), "complete": True}
    assert world.run("report").returncode == 2
    assert world.run("report", "--html", "/nowhere/page.html").returncode == 2
