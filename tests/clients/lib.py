"""What the Python counterparts share: the facts, and a person at a browser without a screen."""
import html.parser
import json
import sys
from urllib.parse import urljoin, urlsplit

import httpx

IMPERSONATION = "https://understudy.dev/claims/impersonation"
MARKS = ["impersonated", "impersonator", "act", IMPERSONATION]


def facts():
    """What the Rust test tells: one JSON object on the standard input."""
    return json.load(sys.stdin)


class FirstForm(html.parser.HTMLParser):
    """The action and the fields of the first POST form."""

    def __init__(self, text):
        super().__init__()
        self.action, self.fields, self._open = None, {}, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None and attributes.get("method") == "post":
            self.action, self._open = attributes["action"], True
        if tag == "input" and self._open:
            self.fields[attributes["name"]] = attributes.get("value", "")

    def handle_endtag(self, tag):
        if tag == "form":
            self._open = False


class Person:
    """Keeps cookies, follows redirects while they stay with the provider, fills in forms."""

    def __init__(self, provider, email, password):
        self.provider, self.email, self.password = provider, email, password
        self.http = httpx.Client(headers={"accept": "text/html"}, trust_env=False)

    def _follow(self, answer):
        """A page of the provider, or the address (a `str`) that it sent the browser away to."""
        for _ in range(10):
            if answer.status_code not in (302, 303):
                assert answer.status_code == 200, answer.text
                return answer
            to = urljoin(str(answer.url), answer.headers["location"])
            if "{0.scheme}://{0.netloc}".format(urlsplit(to)) != self.provider:
                return to
            answer = self.http.get(to)
        raise AssertionError("redirected without end")

    def open(self, url):
        return self._follow(self.http.get(url))

    def submit(self, page, **typed):
        form = FirstForm(page.text)
        assert form.action is not None, page.text
        return self._follow(self.http.post(urljoin(str(page.url), form.action), data=form.fields | typed))

    def sign_in(self, page):
        assert 'name="password"' in page.text, "a login page is expected"
        return self.submit(page, email=self.email, password=self.password)
