"""Writes bench/mail.md: how Postroom's understanding of mail compares with what a collection of real mail expects.

usage: corpus.py COLLECTION PREDICTIONS.jsonl RESULT.md   (`make corpus` runs it)

A collection is a directory of cases with their expectations, and holds the scorer that knows both (`tools/score.py`):
one function gives the checks of a case, each with its field, whether it passed, and for texts how similar they are.
"""
import collections
import datetime
import json
import sys

INTRODUCTION = """# Mail as it really is

`make corpus CORPUS=DIR` measures this and writes this file anew: how what `postroom mail parse` and `postroom mail threads`
say of {cases} cases compares with what the authors of {corpora} collections of test mail expect. The mail was written by
nobody here, is not part of this project, and none of it stands in its tests. Measured on {day}.

A check is one field of one mail; a text is right only if it is the same letter by letter, white space aside, and its
similarity says how far off it is. Some expectations are a product's choice rather than a standard (whether a signature
is shown, what is made of broken input, which parts are files): Postroom differs there where its own rules say so. The
last column leaves these cases out.
"""

# What a check's field belongs to, by the collection's name and the field's.
TASKS = [
    ("Mail as a whole: every field", lambda c, f: c.startswith("parse")),
    ("… subjects", lambda c, f: c.startswith("parse") and f == "subject"),
    ("… addresses and names", lambda c, f: c.startswith("parse") and f.endswith(("_emails", "_names")) and f[:4] != "att_"),
    ("… attachments: how many", lambda c, f: c.startswith("parse") and f == "att_count"),
    ("… attachments: names", lambda c, f: c.startswith("parse") and f == "att_names"),
    ("… attachments: bytes", lambda c, f: c.startswith("parse") and f == "att_bytes"),
    ("Replies: the text that is new", lambda c, f: f == "visible_text"),
    ("… of those, in HTML", lambda c, f: f == "visible_text" and "html" in c),
    ("Bounces: seen as such, nothing else taken for one", lambda c, f: f == "is_bounce"),
    ("… exactly the recipients", lambda c, f: f == "bounce_recipients"),
    ("… exactly the status codes", lambda c, f: f == "bounce_status"),
    ("Automatic replies: seen as such, nothing else taken for one", lambda c, f: f in ("is_auto_reply", "is_auto_generated")),
    ("Threads: exactly these", lambda c, f: f == "threads"),
    ("Hostile HTML: nothing alive", lambda c, f: f == "xss_safe"),
    ("… the text kept", lambda c, f: f == "xss_text_kept"),
]


class Tally:
    def __init__(self):
        self.checks = self.passed = self.texts = self.standard = self.standard_passed = 0
        self.similarity = 0.0

    def add(self, passed, similarity, by_choice):
        self.checks += 1
        self.passed += bool(passed)
        if similarity is not None:
            self.texts += 1
            self.similarity += similarity
        if not by_choice:
            self.standard += 1
            self.standard_passed += bool(passed)

    def cells(self):
        similarity = f"{self.similarity / self.texts:.3f}" if self.texts else ""
        standard = f"{self.standard_passed / self.standard:.3f}" if self.standard else ""
        return f"{self.passed} | {self.checks} | **{self.passed / self.checks:.3f}** | {similarity} | {standard}"


def main(collection, predictions, result):
    sys.path.insert(0, collection + "/tools")
    import score

    predicted = {}
    for line in open(predictions, encoding="utf-8"):
        one = json.loads(line)
        predicted[one["corpus"], one["id"]] = one
    corpora, tasks, cases = collections.defaultdict(Tally), [Tally() for _ in TASKS], 0
    for corpus, case, about in score.load("all"):
        if (corpus, case) not in predicted:
            continue
        cases += 1
        for field, passed, similarity in score.checks(about["expected"], predicted[corpus, case]):
            by_choice = bool(about.get("policy"))
            corpora[corpus].add(passed, similarity, by_choice)
            for (_, belongs), tally in zip(TASKS, tasks):
                if belongs(corpus, field):
                    tally.add(passed, similarity, by_choice)
    day = datetime.date.today().isoformat()
    out = [INTRODUCTION.format(cases=cases, corpora=len(corpora), day=day)]
    columns = "passed | checks | share | similarity | share without choices |\n|---|---|---|---|---|---|"
    out.append(f"## By what is asked\n\n| | {columns}")
    out += [f"| {name} | {tally.cells()} |" for (name, _), tally in zip(TASKS, tasks) if tally.checks]
    out.append(f"\n## By collection\n\n| | {columns}")
    out += [f"| {name} | {tally.cells()} |" for name, tally in sorted(corpora.items())]
    with open(result, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")
    print("\n".join(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
