"""A minimal browser: cookies, redirects and the sign-in form."""

import html.parser
import http.client
import urllib.parse


class Form(html.parser.HTMLParser):
    """The first form with a password field: its action and its fields."""

    def __init__(self, text):
        super().__init__()
        self.action, self.fields, self.user, self.password = None, {}, None, None
        self.current, self.ended = None, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form" and not self.password:
            self.action, self.fields, self.user = attrs.get("action", ""), {}, None
            self.ended = False
        elif tag == "input" and self.action is not None and not self.ended and "name" in attrs:
            kind = attrs.get("type", "text")
            if kind == "password":
                self.password = attrs["name"]
            elif kind in ("text", "email"):
                self.user = attrs["name"]
            elif kind == "hidden":
                self.fields[attrs["name"]] = attrs.get("value", "")

    def handle_endtag(self, tag):
        if tag == "form":
            self.ended = True


class Browser:
    def __init__(self, base):
        self.base, self.cookies = base, {}
        self.host = urllib.parse.urlsplit(base).netloc

    def send(self, method, target, body=None, headers=None):
        """Status, headers (lower case) and text of one answer; redirects are not followed."""
        headers = {**(headers or {})}
        if self.cookies:
            headers["Cookie"] = self.cookie_header()
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body)
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection = http.client.HTTPConnection(self.host, timeout=30)
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self.keep(value)
        found = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return answer.status, found, text

    def keep(self, cookie):
        name, _, value = cookie.split(";", 1)[0].partition("=")
        if value and "max-age=0" not in cookie.lower().replace(" ", ""):
            self.cookies[name.strip()] = value
        else:
            self.cookies.pop(name.strip(), None)

    def cookie_header(self):
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def open(self, target):
        """Follows redirects on this host; stops at a page or before a redirect to another host."""
        for _ in range(10):
            status, headers, text = self.send("GET", target, headers={"Accept": "text/html"})
            if status not in (302, 303):
                return target, text
            target = urllib.parse.urljoin(self.base + target, headers["location"])
            parts = urllib.parse.urlsplit(target)
            if parts.netloc != self.host:
                return target, None
            target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        raise SystemExit("Signing in goes round in circles.")

    def filled_in(self, target, user, password):
        """Opens `target` and fills in the sign-in form that it leads to: where it goes, its fields, its headers."""
        page, text = self.open(target)
        form = Form(text or "")
        if not form.password or not form.user:
            raise SystemExit(f"No sign-in form at {page}: {(text or '')[:300]}")
        body = {**form.fields, form.user: user, form.password: password}
        action = urllib.parse.urljoin(self.base + page, form.action)
        parts = urllib.parse.urlsplit(action)
        action = urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))
        headers = {"Origin": self.base, "Referer": self.base + page,
                   "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        return action, body, headers

    def sign_in(self, target, user, password):
        """Opens `target`, sends the sign-in form that it leads to, and comes back."""
        action, body, headers = self.filled_in(target, user, password)
        status, answer, text = self.send("POST", action, body, headers)
        if status not in (302, 303):
            raise SystemExit(f"Signing in failed with {status}: {text[:300]}")
        return answer["location"]
