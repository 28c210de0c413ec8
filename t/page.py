#!/usr/bin/env python3
"""t/page.py FILE [WORD...]: is this page what a report may be?

Read with Python's own HTML parser. Every element and attribute must be one we
use, every element closed, every character visible, the style sheet the one that
the content security policy names; each WORD must stand in its text.
"""
import base64
import hashlib
import re
import sys
import unicodedata
from html.parser import HTMLParser

VOID = {"meta", "br"}
ALLOWED = {
    "html": {"lang"}, "head": set(), "title": set(), "style": set(), "body": set(),
    "meta": {"charset", "http-equiv", "content", "name"},
    "header": set(), "main": set(), "nav": {"aria-label"}, "a": {"href"},
    "section": {"aria-labelledby"}, "figure": set(), "figcaption": set(),
    "h1": set(), "h2": {"id"}, "h3": set(), "small": set(), "p": {"class"},
    "span": {"class"}, "div": {"class"}, "code": set(), "pre": set(), "br": set(),
    "dl": {"class"}, "dt": set(), "dd": set(), "ul": {"class"}, "li": set(),
    "table": {"class"}, "thead": set(), "tbody": set(), "tr": {"id"},
    "th": {"scope", "class"}, "td": {"class"},
    "svg": {"class", "aria-hidden", "focusable", "role", "viewbox", "preserveaspectratio"},
    "rect": {"width", "height"}, "polygon": {"points"},
    "details": set(), "summary": set(),
}
VALUE = re.compile(r"^[A-Za-z0-9_%., -]*$")
META = {
    ("charset", "utf-8"), ("name", "viewport"), ("name", "referrer"),
    ("content", "width=device-width, initial-scale=1"), ("content", "no-referrer"),
    ("http-equiv", "Content-Security-Policy"),
}


class Page(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong, self.text, self.style = [], [], [], ""
        self.policy, self.ids, self.links = None, set(), set()

    def say(self, what):
        self.wrong.append("line %d: %s" % (self.getpos()[0], what))

    def handle_starttag(self, tag, attrs):
        if tag not in ALLOWED:
            self.say("element %s" % tag)
        if len(attrs) != len({n for n, _ in attrs}):
            self.say("an attribute twice")
        for name, value in attrs:
            if name not in ALLOWED.get(tag, ()):
                self.say("attribute %s of %s" % (name, tag))
            elif tag == "meta":
                if name == "content" and "default-src" in value:
                    self.policy = value
                elif (name, value) not in META:
                    self.say("meta %s=%s" % (name, value))
            elif tag == "a":
                if not re.match(r"^#[a-z0-9-]+$", value or ""):
                    self.say("a link to %r" % value)
                self.links.add(value[1:])
            elif not VALUE.match(value or ""):
                self.say("value %r of %s" % (value, name))
            if name == "id":
                if value in self.ids:
                    self.say("id %s twice" % value)
                self.ids.add(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()
        if tag not in ("rect", "polygon", "br"):
            self.say("<%s/>" % tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.say("</%s> closes nothing" % tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
            return
        self.text.append(data)
        for c in data:
            # Letters without a shape, controls, what turns text around.
            if c not in "\t\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Cn"):
                self.say("U+%04X in the text" % ord(c))
                return

    def handle_comment(self, data):
        self.say("a comment")

    def handle_pi(self, data):
        self.say("a processing instruction")

    def unknown_decl(self, data):
        self.say("a declaration")


def main():
    raw = open(sys.argv[1], "rb").read()
    page = Page()
    source = raw.decode("utf-8")  # strictly
    page.feed(source)
    page.close()
    if not source.startswith("<!DOCTYPE html>\n"):
        page.wrong.append("no doctype")
    if page.open:
        page.wrong.append("never closed: %s" % page.open)
    if page.links - page.ids:
        page.wrong.append("links to nothing: %s" % (page.links - page.ids))
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    if page.policy != ("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; "
                       "form-action 'none'" % digest):
        page.wrong.append("policy %s" % page.policy)
    for word in ("url(", "@import", "expression", "<", "\\"):
        if word in page.style:
            page.wrong.append("%s in the style sheet" % word)
    text = "".join(page.text)
    for word in sys.argv[2:]:
        if word not in text:
            page.wrong.append("%r is not to be read" % word)
    print("\n".join(page.wrong[:20]))
    sys.exit(1 if page.wrong else 0)


main()
