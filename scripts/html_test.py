"""Draws hostile HTML in a browser, as it came and as Postroom shows it, and looks at what happens (MAIL-6).

usage: html_test.py POSTROOM_BINARY [COLLECTION]   (`make html-test` runs it)

Each example is a page of its own in headless Chromium: a bar above and a bar at the side, as Postroom's page has them, and
the example where a mail's text would be. Every name on the network leads to a server here that counts what asks for what.
Harmful is: a script that runs, a request that leaves, anything drawn over the bars. As Postroom shows it, no example may do
any of these; as they came, many have to, else nothing would have been tested.

The examples are those of crates/mime/tests/hostile.txt and, where a collection of mail is given, those of its xss-* part
(which isn't drawn as it came: some of it never lets go of the browser).
"""
import glob
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# So many pages are opened at once.
BATCH = 40
# Whom Chromium itself asks, whatever is drawn.
OWN_HOSTS = ("*.google.com", "*.googleapis.com", "*.gstatic.com", "*.gvt1.com", "*.googleusercontent.com")
# Chromium's own time for each batch, in milliseconds of its clock.
BUDGET = 4000

PAGE = """<!doctype html><meta charset=utf-8><body style="margin:0">
<script>
ran = alert = confirm = prompt = print = open = function () { top.found(%(number)d, "script"); };
addEventListener("load", function () { setTimeout(function () {
  var bars = [document.getElementById("above-of-it"), document.getElementById("beside-it")];
  [[5, 5], [400, 30], [770, 5], [5, 100], [150, 300], [5, 570]].forEach(function (point) {
    var there = document.elementFromPoint(point[0], point[1]);
    if (!there || bars.indexOf(there) < 0) { top.found(%(number)d, "cover"); }
  });
  top.found(%(number)d, "drawn");
}, 300); });
</script>
<div id=above-of-it style="height:60px;background:#ccc"></div>
<div id=beside-it style="float:left;width:200px;height:540px;background:#ddd"></div>
<div style="margin-left:200px;width:600px">
%(html)s
</div></body>"""

RUN = """<!doctype html><meta charset=utf-8><pre id=result></pre><script>
var all = {};
function found(number, what) { (all[number] = all[number] || {})[what] = 1; document.getElementById("result").textContent = JSON.stringify(all); }
</script>%s"""


class Server(http.server.ThreadingHTTPServer):
    """Serves the pages, and notes every request that none of them should have led to."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages, self.run, self.left = {}, "", []

    def process_request_thread(self, request, client_address):
        # A connection that is no HTTP, such as the beginning of TLS, is a request that leaves as well.
        first = request.recv(4, 2)
        if first and not first.isalpha() and not first[:3].isalpha():
            self.left.append("a connection that isn't HTTP")
        super().process_request_thread(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        own = self.headers.get("Host", "").startswith("page.example")
        page = re.fullmatch(r"/page/(\d+)", self.path)
        if own and page and int(page[1]) in server.pages:
            body = server.pages[int(page[1])]
        elif own and self.path == "/run":
            body = server.run
        else:
            if not self.path.startswith("/favicon"):
                # Which page asked is known by the page that it names, if it names one.
                server.left.append((self.headers.get("Referer") or "") + " " + self.headers.get("Host", "") + self.path)
            body = ""
        body = body.encode("utf-8", "replace")
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        # The whole address, so that a request says which page it came from.
        self.send_header("Referrer-Policy", "unsafe-url")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_HEAD = do_GET

    def log_message(self, *_):
        pass


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome", "chromium-headless-shell"):
        if path := shutil.which(name):
            return path
    sys.exit("Chromium is missing (Debian, Ubuntu: apt-get install chromium).")


def draw(server, browser, pages):
    """Draws pages; gives for each the harm that was seen, and the requests that can't be said whose they are."""
    harm, unknown = {number: set() for number in pages}, []
    rules = [f"MAP {host} ~NOTFOUND" for host in OWN_HOSTS] + [f"MAP * 127.0.0.1:{server.server_port}"]
    numbers = sorted(pages)
    for start in range(0, len(numbers), BATCH):
        batch = numbers[start : start + BATCH]
        server.pages = {number: PAGE % {"number": number, "html": pages[number]} for number in batch}
        # Without an origin of its own a page could do less than it can within Postroom's page.
        frames = "".join(f"<iframe width=800 height=600 src=/page/{number}></iframe>" for number in batch)
        server.run, server.left = RUN % frames, []
        with tempfile.TemporaryDirectory() as profile:
            command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--mute-audio", "--no-first-run",
                       "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-popup-blocking",
                       "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}", "--window-size=900,700",
                       "--host-resolver-rules=" + ",".join(rules), f"--virtual-time-budget={BUDGET}",
                       "--dump-dom", "http://page.example/run"]
            done = subprocess.run(command, capture_output=True, timeout=180)
        dump = done.stdout.decode("utf-8", "replace")
        result = re.search(r'<pre id="result">(.*?)</pre>', dump, re.S)
        seen = json.loads(html.unescape(result[1]) or "{}") if result else {}
        for number in batch:
            found = set(seen.get(str(number), {}))
            if "drawn" not in found:
                # It went elsewhere, or never came to an end.
                found.add("gone")
            harm[number] |= found - {"drawn"}
        for request in server.left:
            page = re.search(r"/page/(\d+)", request) if isinstance(request, str) else None
            if page and int(page[1]) in harm:
                harm[int(page[1])].add("request")
            else:
                unknown.append(request)
    return harm, unknown


def own_cases():
    text = open(ROOT + "/crates/mime/tests/hostile.txt", encoding="utf-8").read()
    for case in text.replace("{NUL}", "\0").replace("{FF}", "\f").split("\n%% ")[1:]:
        name, _, markup = case.partition("\n")
        yield name, markup


def collected_cases(collection):
    # The body of the mail, which is in a minimal envelope.
    for path in sorted(glob.glob(collection + "/xss-*/*.eml")):
        raw = open(path, "rb").read().replace(b"\r\n", b"\n")
        yield os.path.relpath(path, collection)[:-4], raw.partition(b"\n\n")[2].decode("utf-8", "replace")


def shown(binary, cases):
    """What Postroom makes of each."""
    if not cases:
        return {}
    with tempfile.TemporaryDirectory() as directory:
        for number, (_, markup) in enumerate(cases):
            head = "From: a@left.example\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
            with open(f"{directory}/{number}.eml", "wb") as file:
                file.write((head + markup).encode("utf-8", "surrogateescape"))
        files = [f"{directory}/{number}.eml" for number in range(len(cases))]
        done = subprocess.run([binary, "mail", "parse", *files], capture_output=True, check=True)
    return {number: json.loads(line)["html"] or "" for number, line in enumerate(done.stdout.splitlines())}


def count(harm):
    kinds = ["script", "request", "cover", "gone"]
    return ", ".join(f"{sum(kind in found for found in harm.values())} {kind}" for kind in kinds)


def main(binary, collection=""):
    browser, server = chromium(), Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    own = list(own_cases())
    before, _ = draw(server, browser, {number: markup for number, (_, markup) in enumerate(own)})
    print(f"own examples as they came, {len(own)}: {count(before)}")
    failed = False
    for kind, least in (("script", 25), ("request", 15), ("cover", 5)):
        if sum(kind in found for found in before.values()) < least:
            print(f"  too few do '{kind}' untreated: the browser would show nothing of it")
            failed = True
    for name, cases in [("own examples", own), ("the collection's", list(collected_cases(collection)) if collection else [])]:
        after, unknown = draw(server, browser, shown(binary, cases))
        print(f"{name} as Postroom shows them, {len(cases)}: {count(after)}, {len(unknown)} further requests")
        for number, found in after.items():
            if found:
                print(f"  {cases[number][0]}: {', '.join(sorted(found))}")
        for request in unknown:
            print("  a request:", request)
        failed |= any(after.values()) or bool(unknown)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
