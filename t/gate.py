#!/usr/bin/env python3
"""t/gate.py OXG GOLDEN WORK: oxg gate against a second opinion. t/gate.t runs it.

The rules are written here a second time, from their words; each case says what is
decided and why, and the whole report must be the bytes that these rules make.
Prints "ok - what" or "not ok - what", which t/gate.t numbers.
"""
import re
import copy
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys

OXG, GOLDEN, WORK = sys.argv[1:]
FOLDER = os.path.join(WORK, "table")
LIVE = "the input was live (--input-bind): what the plugin read is not known"
PROJECT = "the project was live (--project): what it held is not known"
SEVERITIES = ["info", "low", "med", "high", "crit"]
STATUS = {"PASS": 0, "BLOCK": 1, "REQUIRE_APPROVAL": 6}


# ---- the rules, a second time ------------------------------------------------------

class Twice(ValueError):
    pass


def strict(pairs):
    if len({k for k, _ in pairs}) != len(pairs):
        raise Twice
    return dict(pairs)


def parse(data):
    """The value, or None for what is no JSON."""
    try:
        return json.loads(data.decode(), object_pairs_hook=strict)
    except (ValueError, AttributeError):
        return None


def parse_object(data):
    value = parse(data)
    return value if isinstance(value, dict) else None


def get(value, *names):
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def has(value, *names):
    return isinstance(get(value, *names[:-1]) if names[1:] else value, dict) and \
        names[-1] in (get(value, *names[:-1]) if names[1:] else value)


def text(value, *names):
    value = get(value, *names)
    return value if isinstance(value, str) and "\0" not in value else ""


def whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53


def figure(value):
    return whole(value) and value >= 0


def count(n, word):
    return "%d %s%s" % (n, word, "" if n == 1 else "s")


def spelt(value):
    """As oxg writes a document: Go's escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    for c in "<>&\u2028\u2029":
        text = text.replace(c, "\\u%04x" % ord(c))
    return text.encode()


def change_good(c):
    parts = c["path"].split("/")
    digest = re.compile("[0-9a-f]{64}")
    return "" not in parts and "." not in parts and ".." not in parts and c["op"] in ("write", "delete") and \
        (c["base_sha256"] and not c["bytes"] if c["sha256"] is None else digest.fullmatch(c["sha256"])) and \
        (c["op"] == "delete") == (c["sha256"] is None) and \
        (c["base_sha256"] is None or digest.fullmatch(c["base_sha256"])) and \
        all(figure(c[n]) for n in ("bytes", "base_bytes", "base_lines")) and isinstance(c["executable"], bool)


def changes_of(data):
    """The list of changes.json, or None for what is not exactly as oxg writes it."""
    value = parse_object(data)
    try:
        paths = [c["path"].encode() for c in value["changes"]]
        good = paths and all(map(change_good, value["changes"])) and \
            all(a < b for a, b in zip(paths, paths[1:])) and spelt({
                "schema_version": 1, "run_id": value["run_id"] + "", "project": value["project"] + "",
                "changes": [{n: c[n] for n in CHANGE} for c in value["changes"]]}) == data
    except (TypeError, KeyError, AttributeError):
        return None
    return value["changes"] if good else None


CHANGE = ["path", "op", "sha256", "bytes", "executable", "base_sha256", "base_bytes", "base_lines"]


class Evidence:
    def __init__(self, files, policy):
        self.files, self.policy = files, policy
        self.run = parse_object(files.get("run.json"))
        self.verifier = parse_object(files.get("verifier_report.json"))
        self.executed = isinstance(get(self.run, "ending"), dict)
        self.version = get(self.run, "schema_version")
        if not whole(self.version) or self.version not in (1, 2, 3):
            self.version = 3
        self.changes = changes_of(files.get("changes.json")) if self.version > 2 else None
        self.found, self.bad = [], 0
        lines = files.get("findings.jsonl", b"").split(b"\n")
        for n, line in enumerate(lines, 1):
            if n == len(lines) and line == b"":
                break
            severity = get(parse_object(line), "severity")
            if n == len(lines) or severity not in SEVERITIES:
                self.bad = n
                break
            self.found.append(SEVERITIES.index(severity))

    def staged(self):
        return sorted((n.encode(), d) for n, d in self.files.items() if n.startswith("changes/"))


def policy_readable(e):
    return "pass", "the policy snapshot is readable"


def evidence_present(e):
    always = ["inputs/policy.json", "journal/events.jsonl", "run.json", "verifier_report.json"]
    after = ["findings.jsonl", "ledger.jsonl", "logs/stderr.log", "logs/stdout.log"]
    lost = [n for n in always + (after if e.executed else []) if n not in e.files]
    broken = [n for n in always if n in e.files and n != "journal/events.jsonl" and
              parse_object(e.files[n]) is None]
    if e.bad:
        broken.append("findings.jsonl line %d" % e.bad)
    lost, broken = ", ".join(lost), ", ".join(broken)
    if lost and broken:
        return "block", "evidence is missing: %s; and unreadable: %s" % (lost, broken)
    if lost or broken:
        return "block", "evidence is %s: %s" % ("missing" if lost else "unreadable", lost or broken)
    return "pass", "every required document is there and readable"


def evidence_complete(e):
    if get(e.run, "evidence_complete") is True:
        return "pass", "the broker recorded everything until the end"
    return "block", "the evidence is not complete: the broker did not record the end"


def required_evidence(e):
    names = e.policy["gate"]["require"]
    if not names:
        return "not_applicable", "the policy requires no evidence beyond what every run has"
    lost, budget = [], 8 << 20
    for name in names:
        data = e.files.get(name)
        if data is None or name.endswith(".json") and len(data) > budget:
            lost.append(name)
        elif name.endswith(".json"):
            budget -= len(data)
            if parse(data) is None and data.strip() != b"null":
                lost.append(name)
    if lost:
        return "block", "%d of the required evidence missing or unreadable, the first: %s" % (
            len(lost), lost[0])
    return "pass", "all evidence that the policy requires is there"


def verifier_status(e):
    status = text(e.verifier, "status")
    if status == "PASS":
        return "pass", "the verifier report says PASS"
    if status != "FAIL":
        return "block", "the verifier report has no status"
    names = [c["name"] for c in get(e.verifier, "checks") or [] if c.get("status") == "FAIL"][:8]
    return "block", "the verifier report says FAIL" + (": " + ", ".join(names) if names else "")


def signature_required(e):
    if not e.policy["gate"]["require_signature"]:
        return "not_applicable", "the policy requires no signature"
    if get(e.run, "plugin", "signed") is True:
        return "pass", "the plugin is signed by a trusted key"
    if get(e.run, "trust", "allow_unsigned") is True and e.policy["profile"] != "strict":
        return "not_applicable", "the plugin is not signed, and the operator allowed that for " \
            "this run with --allow-unsigned"
    return "block", "the plugin is not signed by a trusted key"


def input_snapshotted(e):
    word = e.policy["gate"]["on_unsnapshotted"]
    word = {"record": "not_applicable"}.get(word, word)
    none = has(e.run, "input") and e.run["input"] is None
    project = e.version > 2 and has(e.run, "project")
    if none and not project:
        return "not_applicable", "no input was given"
    if get(e.run, "input", "snapshotted") is False:
        return word, LIVE
    digest = text(e.run, "input", "sha256")
    if not none and (get(e.run, "input", "snapshotted") is not True or e.executed and len(digest) != 64):
        return "block", "run.json does not say what the input was"
    if e.version > 2 and not e.executed and not project and not digest:
        return "not_applicable", "nothing was executed, and the input was not copied yet"
    if project:
        return word, PROJECT
    return "pass", "the input was copied before the run, and its digest is known"


def fail_on(e):
    word = e.policy["gate"]["fail_on"]
    total = count(len(e.found), "finding")
    if word == "none":
        return "not_applicable", "no severity fails this policy; " + total
    if e.version > 1 and not e.executed:
        return "not_applicable", "nothing was executed, which is not the same as nothing found"
    if "findings.jsonl" not in e.files:
        return "block", "there are no findings to count: findings.jsonl is missing"
    if e.bad:
        return "block", "line %d of findings.jsonl is no finding, so they cannot be counted" % e.bad
    over = sum(s >= SEVERITIES.index(word) for s in e.found)
    return "block" if over else "pass", "%d of %s at or over severity %s" % (over, total, word)


def denied_operations(e):
    if e.policy["gate"]["on_denied"] == "record":
        return "not_applicable", "denied operations are recorded, not judged"
    asked, heard = get(e.run, "broker", "refused"), get(e.run, "ledger", "refused")
    if not whole(asked):
        return "block", "run.json does not say how many requests were refused"
    if asked > 0:
        return "block", "the broker refused " + count(asked, "request")
    if not whole(heard) or not has(e.run, "ledger", "heard"):
        return "block", "run.json does not say how many operations the kernel refused"
    if heard > 0:
        return "block", "the kernel refused %s: see ledger.jsonl" % count(heard, "operation")
    if e.run["ledger"]["heard"] is not True:
        return "block", "what the kernel refused was not told: nobody can say that nothing was"
    return "pass", "nothing was denied"


def staged_changes(e):
    files = {n[8:].decode(): d for n, d in e.staged()}
    if e.changes is None:
        return ("block", "changes.json is missing or unreadable") if files or "changes.json" in e.files else \
            ("not_applicable", "no change is staged")
    listed = {c["path"]: c for c in e.changes if c["op"] == "write"}
    for path in sorted(set(files) | {c["path"] for c in e.changes}, key=str.encode):
        c, data = listed.get(path), files.get(path)
        if (c is None) != (data is None) or c and (c["bytes"] != len(data) or
                                                   c["sha256"] != hashlib.sha256(data).hexdigest()):
            return "block", "changes.json does not tell what is staged at " + path
    return "pass", "%s staged, %d of them deletions" % (
        count(len(e.changes), "change"), len(e.changes) - len(listed))


def fold(part):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in part)


def protected_paths(e):
    if not e.policy["gate"]["require_approval_on_protected_paths"]:
        return "not_applicable", "the policy asks for no approval of changes to protected paths"
    touched = []
    alike = fold if e.version > 2 else str
    names = [name.decode()[8:] for name, _ in e.staged()] if e.changes is None else \
        [c["path"] for c in e.changes]
    for name in names:
        a = alike(name).split("/")
        for path in e.policy["paths"]["protected"]:
            b = alike(path).split("/")
            if a[:len(b)] == b or b[:len(a)] == a:
                touched.append(name)
                break
    if touched:
        return "approval", "%s to protected paths, the first to %s" % (
            count(len(touched), "change"), touched[0])
    return "pass", "no protected path is changed"


def lines_of(data):
    parts = data.split(b"\n")
    if parts[-1] == b"":
        parts.pop()
    return sum(1 + len(p) // 1000 for p in parts)


def patch_size(e):
    if e.changes is None and not e.staged():
        return "not_applicable", "no change is staged"
    files = {name.decode()[8:]: lines_of(data) for name, data in e.staged()}
    lines = sum(files.values()) if e.changes is None else sum(
        max(c["base_lines"], files.get(c["path"], 0) if c["op"] == "write" else 1) for c in e.changes)
    limit = e.policy["gate"]["max_patch_lines"]
    return "approval" if lines > limit else "pass", "%s staged, %d pass without an approval" % (
        count(lines, "line"), limit)


def termination(e):
    if not e.executed:
        return "block", "the plugin was not executed"
    reason = text(e.run, "ending", "reason")
    if reason == "crashed":
        return "block", "the plugin crashed (%s)" % text(e.run, "ending", "signal_name")
    if reason != "exited":
        return "block", "the plugin was terminated (%s)" % reason
    status = get(e.run, "ending", "exit_status")
    if not whole(status):
        return "block", "run.json does not say how the plugin exited"
    if status:
        return "block", "the plugin failed with exit status %d" % status
    return "pass", "the plugin exited with status 0"


CAPABILITIES = {}  # name: risk, as oxg caps tells


def risk(e):
    """The parts, None where nothing was executed, or the part that is not told."""
    if not e.executed:
        return None
    granted = get(e.run, "capabilities", "granted")
    if not isinstance(granted, list) or any(
            not isinstance(c, str) or c not in CAPABILITIES for c in granted):
        return "capabilities"
    part = {"capabilities": min(40, 10 * sum(CAPABILITIES[c] == "high" for c in granted))}
    tier = {"namespaces": 0, "chroot": 15, "landlock": 25}.get(text(e.run, "isolation", "tier"))
    abi = get(e.run, "isolation", "landlock_abi")
    if tier is None or not figure(abi):
        return "isolation"
    part["isolation"] = tier + (0 if abi else 5)
    reason, status = text(e.run, "ending", "reason"), get(e.run, "ending", "exit_status")
    if not reason or reason == "exited" and not whole(status):
        return "termination"
    part["termination"] = 20 if reason != "exited" else 10 if status else 0
    said = [get(e.run, "output", s, "seen_bytes") for s in ("stdout", "stderr")]
    if not all(map(figure, said)):
        return "output"
    kept = sum(len(d) for n, d in e.files.items() if n.startswith(("changes/", "artifacts/")))
    kept += sum(c["base_bytes"] for c in e.changes or [] if c["op"] == "delete")
    part["output"] = min(10, (sum(said) + kept) // 1048576)
    return part


def risk_score(e):
    part, limit = risk(e), e.policy["gate"]["max_risk"]
    if part is None:
        return "not_applicable", "nothing was executed, so nothing was risked"
    if isinstance(part, str):
        return "block", "the risk cannot be scored: run.json does not tell its part " + part
    score = sum(part.values())
    return "approval" if score > limit else "pass", \
        "the risk score is %d, %d passes without an approval" % (score, limit)


def journal_chain(e):
    data = e.files.get("journal/events.jsonl")
    if data is None:
        return "block", "the journal is missing"
    head, events = "0" * 64, data.split(b"\n")[:-1]
    for n, line in enumerate(events, 1):
        if get(parse_object(line), "prev") != head:
            return "block", "the journal's chain is broken: journal/events.jsonl line %d: its prev " \
                "is not the hash of the line before; one of the two was changed" % n
        head = hashlib.sha256(line).hexdigest()
    said = get(e.run, "journal", "events")
    if not whole(said) or said != len(events) or text(e.run, "journal", "head") != head:
        return "block", "the journal does not end where run.json says it does"
    return "pass", "the journal's chain is whole and ends where run.json says"


SECRET = re.compile(rb"AKIA[A-Z0-9]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----|ghp_[A-Za-z0-9]{36}")


def secrets_in_artifacts(e):
    texts = [f for f in sorted(e.files) if f.startswith("artifacts/") and e.files[f] and b"\0" not in e.files[f]]
    if any(SECRET.search(e.files[f]) for f in texts):
        raise NotImplementedError("t/redact.t says what is found")
    if texts:
        return "pass", "no text among the artifacts holds what looks like a secret"
    return "not_applicable", "there is no text among the artifacts"


RULES = [policy_readable, evidence_present, evidence_complete, required_evidence, verifier_status,
         signature_required, input_snapshotted, fail_on, denied_operations, staged_changes,
         protected_paths, patch_size, termination, risk_score, journal_chain, secrets_in_artifacts]
SINCE = {required_evidence: 2, input_snapshotted: 2, patch_size: 2, risk_score: 2, secrets_in_artifacts: 2,
         staged_changes: 3}


def report_of(files, policy):
    e = Evidence(files, policy)
    snapshot = json.dumps(policy, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    rules = [(r.__name__,) + r(e) for r in RULES if e.version >= SINCE.get(r, 1)]
    results = [r[1] for r in rules]
    report = {
        "schema_version": 1,
        "run_id": text(e.run, "run_id"),
        "decision": "BLOCK" if "block" in results else
                    "REQUIRE_APPROVAL" if "approval" in results else "PASS",
        "profile": policy["profile"],
        "policy_snapshot_hash": hashlib.sha256(snapshot.encode()).hexdigest(),
        "reasons": sorted((d for _, r, d in rules if r in ("block", "approval")), key=str.encode),
    }
    if e.version > 1:
        part = risk(e)
        report["risk"] = {"score": sum(part.values()), "max": policy["gate"]["max_risk"], **part} \
            if isinstance(part, dict) else None
    report["rules"] = [{"rule": n, "result": r, "detail": d} for n, r, d in rules]
    return report, (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode()


# ---- asking oxg ------------------------------------------------------------------------

def put(files):
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.mkdir(FOLDER)
    sums = []
    for name, data in files.items():
        path = os.path.join(FOLDER, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        sums.append("%s  %s\n" % (hashlib.sha256(data).hexdigest(), name))
    with open(os.path.join(FOLDER, "SHA256SUMS"), "w") as f:
        f.writelines(sorted(sums, key=lambda s: s[66:].encode()))


def ask(files, policy):
    put(files)
    with open(os.path.join(WORK, "table.json"), "w") as f:
        json.dump(policy, f)
    done = subprocess.run([OXG, "gate", "--json", FOLDER, "--policy", os.path.join(WORK, "table.json")],
                          capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def tell(good, what, *notes):
    print(("ok - " if good else "not ok - ") + what)
    if not good:
        for note in notes:
            for line in str(note).split("\n")[:40]:
                print("#   " + line)


def load():
    files = {}
    for top, _, names in os.walk(os.path.join(GOLDEN, "evidence")):
        for name in names:
            path = os.path.join(top, name)
            with open(path, "rb") as f:
                files[os.path.relpath(path, os.path.join(GOLDEN, "evidence"))] = f.read()
    run = json.loads(files["run.json"])
    run["schema_version"], run["oxg"] = 3, "0.0.0"
    files["run.json"] = json.dumps(run).encode()
    policies = {}
    for name in "default", "strict":
        with open(os.path.join(GOLDEN, "policy-%s.json" % name)) as f:
            policies[name] = json.load(f)
    return files, policies


FILES, POLICIES = load()
for c in json.loads(subprocess.run([OXG, "caps", "--json"], stdout=subprocess.PIPE, check=True)
                    .stdout)["capabilities"]:
    CAPABILITIES[c["name"]] = c["risk"]


class Case:
    """Evidence to change, then decides()."""

    def __init__(self, profile="default", **gate):
        self.files = dict(FILES)
        self.policy = copy.deepcopy(POLICIES[profile])
        self.deleted, self.base, self.listed = {}, {}, True
        self.policy["gate"].update(gate)

    def edit(self, name="run.json", **members):
        """a__b=v sets member b of a; v Ellipsis takes it out."""
        value = json.loads(self.files[name])
        for path, new in members.items():
            *above, last = path.split("__")
            at = value
            for step in above:
                at = at[step]
            if new is ...:
                del at[last]
            else:
                at[last] = new
        self.files[name] = json.dumps(value).encode()
        return self

    def add(self, name, data=b"x\n"):
        self.files[name] = data.encode() if isinstance(data, str) else data
        return self

    def delete(self, path, lines=1, size=1):
        self.deleted[path] = lines, size
        return self

    def over(self, path, lines):
        """What is staged replaces a file of so many lines."""
        self.base[path] = lines
        return self

    def list(self, edit=None, raw=None):
        """changes.json, as it must be; or changed."""
        changes = [{"path": n[8:], "op": "write", "sha256": hashlib.sha256(d).hexdigest(), "bytes": len(d),
                    "executable": False, "base_sha256": "0" * 64 if n[8:] in self.base else None,
                    "base_bytes": 0, "base_lines": self.base.get(n[8:], 0)}
                   for n, d in self.files.items() if n.startswith("changes/")]
        changes += [{"path": p, "op": "delete", "sha256": None, "bytes": 0, "executable": False,
                     "base_sha256": "0" * 64, "base_bytes": size, "base_lines": lines}
                    for p, (lines, size) in self.deleted.items()]
        changes.sort(key=lambda c: c["path"].encode())
        document = {"schema_version": 1, "run_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "project": "p", "changes": changes}
        if edit:
            edit(document)
        if changes or edit:
            self.files["changes.json"] = spelt(document)
        if raw is not None:
            self.files["changes.json"] = raw
        self.listed = False
        return self

    def drop(self, *names):
        for name in names:
            del self.files[name]
        return self

    def findings(self, keep, last=None):
        lines = self.files["findings.jsonl"].split(b"\n")[:keep]
        self.files["findings.jsonl"] = b"".join(l + b"\n" for l in lines)
        if last is not None:
            self.files["findings.jsonl"] += last.encode()
        return self

    def decides(self, what, decision, *reasons, rule=None, row="F169"):
        if self.listed:
            self.list()
        due, data = report_of(self.files, self.policy)
        status, out, err = ask(self.files, self.policy)
        tell(due["decision"] == decision and due["reasons"] == list(reasons),
             "%s: %s: the rules say %s" % (row, what, decision), due["decision"], due["reasons"])
        tell((status, out, err) == (STATUS[decision], data, b""),
             "%s: %s: and so does oxg, to the byte" % (row, what), status, out.decode(), err)
        if rule:
            said = ["%s: %s" % (r["result"], r["detail"]) for r in due["rules"] if r["rule"] == rule[0]]
            tell(said == [rule[1]], "%s: %s: %s" % (row, what, rule[1]), said)


# ---- the rules that every folder has ------------------------------------------------------

def test_fail_on():
    for n, severity in enumerate(reversed(SEVERITIES), 1):
        Case(fail_on=severity).decides("fail_on " + severity, "BLOCK", "%d of 5 finding%s at or over "
                                       "severity %s" % (n, "s", severity), row="F190")
    for severity in "crit", "high", "med":
        Case(fail_on=severity).findings(2).decides(
            "fail_on %s, info and low found" % severity, "PASS",
            rule=("fail_on", "pass: 0 of 2 findings at or over severity " + severity), row="F190")
    Case(fail_on="info").findings(0).decides(
        "ran to its end, nothing found", "PASS",
        rule=("fail_on", "pass: 0 of 0 findings at or over severity info"))
    Case(fail_on="info").findings(0).edit(ending=None).decides(
        "nothing ran, nothing found", "BLOCK", "the plugin was not executed",
        rule=("fail_on", "not_applicable: nothing was executed, which is not the same as nothing found"))
    Case(fail_on="info").findings(1).decides("fail_on info, one found", "BLOCK",
                                             "1 of 1 finding at or over severity info")
    Case(fail_on="crit").drop("findings.jsonl").decides(
        "fail_on, no findings.jsonl", "BLOCK", "evidence is missing: findings.jsonl",
        "there are no findings to count: findings.jsonl is missing")
    # What is no finding cannot be passed over, whatever stands in the line.
    for line in ("\n", "{}\n", "[]\n", "null\n", '{"severity":"none"}\n', '{"severity":"LOW"}\n',
                 '{"severity":5}\n', '{"severity":"low"} {}\n', '{"severity":"low","severity":"low"}\n',
                 '{"severity":"low"\n', '{"severity":"low"}'):
        Case(fail_on="crit").findings(3, line).decides(
            "a last line %r" % line, "BLOCK", "evidence is unreadable: findings.jsonl line 4",
            "line 4 of findings.jsonl is no finding, so they cannot be counted")


def test_signature():
    unsigned = "the plugin is not signed by a trusted key"
    for lie in False, None, "true", 1, {}, [True]:
        Case().edit(plugin__signed=lie).decides("signed: %r" % (lie,), "BLOCK", unsigned)
    Case().edit(plugin=None).decides("no plugin", "BLOCK", unsigned)
    lifted = dict(plugin__signed=False, trust__allow_unsigned=True)
    Case().edit(**lifted).decides("--allow-unsigned", "PASS", row="F183")
    Case("strict").edit(**lifted).decides(
        "--allow-unsigned, judged strictly", "BLOCK", "2 of 5 findings at or over severity high",
        unsigned, row="F183")
    Case(require_signature=False).edit(plugin__signed=False).decides(
        "no signature required", "PASS",
        rule=("signature_required", "not_applicable: the policy requires no signature"))


def test_denied():
    Case(on_denied="block").decides("on_denied block, nothing denied", "PASS")
    Case(on_denied="block").edit(broker__refused=1).decides(
        "on_denied block, one refused", "BLOCK", "the broker refused 1 request")
    Case(on_denied="block").edit(broker__refused=4711).decides(
        "on_denied block, many refused", "BLOCK", "the broker refused 4711 requests")
    Case().edit(broker__refused=4711).decides("on_denied record, many refused", "PASS")
    Case(on_denied="block").edit(ledger__refused=1).decides(
        "on_denied block, the kernel refused", "BLOCK", "the kernel refused 1 operation: see ledger.jsonl")
    Case(on_denied="block").edit(ledger__heard=False).decides(
        "on_denied block, nobody heard the kernel", "BLOCK",
        "what the kernel refused was not told: nobody can say that nothing was")
    for lie in None, {}, {"heard": True}, {"heard": True, "refused": "0"}:
        Case(on_denied="block").edit(ledger=lie).decides(
            "ledger: %r" % lie, "BLOCK", "run.json does not say how many operations the kernel refused")
    for lie in None, {}, {"refused": "0"}, {"refused": 0.5}:
        Case(on_denied="block").edit(broker=lie).decides(
            "broker: %r" % lie, "BLOCK", "run.json does not say how many requests were refused")


def test_protected():
    def case(*touched, **gate):
        c = Case(**gate)
        c.policy["paths"]["protected"] = ["a/b", "c"]
        for name in touched:
            c.add("changes/" + name)
        return c

    for touch in "a/b", "a/b/x", "a/b/x/y", "c", "a":
        case(touch).decides("a change to " + touch, "REQUIRE_APPROVAL",
                            "1 change to protected paths, the first to " + touch)
    case("c/2", "c/1", "d").decides("two changes", "REQUIRE_APPROVAL",
                                    "2 changes to protected paths, the first to c/1")
    for harmless in "a/bc", "a/c", "cc", "b", "d/c", "d/a/b", "A/C", "\u00e1/b":
        case(harmless + "/x").decides("a change to " + harmless, "PASS")
    for other in "A/B", "a/B/x", "C", "A":
        case(other).decides("a change to " + other, "REQUIRE_APPROVAL",
                            "1 change to protected paths, the first to " + other, row="F048")
        case(other).edit(schema_version=2).decides("in a folder of version 2", "PASS", row="F182")
    for gone in "a/b", "c/x", "C":
        case().delete(gone).decides("a deletion of " + gone, "REQUIRE_APPROVAL",
                                    "1 change to protected paths, the first to " + gone, row="F048")
    case("c/2", "z").delete("c/1").decides("a deletion among changes", "REQUIRE_APPROVAL",
                                           "2 changes to protected paths, the first to c/1", row="F048")
    case().delete("a/c").decides("a deletion elsewhere", "PASS", row="F048")
    case("c").add("artifacts/c").edit(ending__exit_status=3).decides(
        "an approval never lifts a BLOCK", "BLOCK", "1 change to protected paths, the first to c",
        "the plugin failed with exit status 3")
    case("c", require_approval_on_protected_paths=False).decides("no approval asked for", "PASS")


def test_termination():
    for reason in "timeout", "cpu_limit", "memory_limit", "killed":
        Case().edit(ending={"reason": reason, "detail": "x"}).decides(
            "stopped: " + reason, "BLOCK", "the plugin was terminated (%s)" % reason)
    Case().edit(ending={"reason": "crashed", "signal": 11, "signal_name": "SIGSEGV"}).decides(
        "crashed", "BLOCK", "the plugin crashed (SIGSEGV)")
    Case().edit(ending__exit_status=1).decides("exit status 1", "BLOCK",
                                               "the plugin failed with exit status 1")
    Case().edit(ending__exit_status=...).decides(
        "no exit status", "BLOCK", "run.json does not say how the plugin exited",
        "the risk cannot be scored: run.json does not tell its part termination")
    Case().edit(ending=None).drop("findings.jsonl", "logs/stdout.log", "logs/stderr.log").decides(
        "refused", "BLOCK", "the plugin was not executed")
    Case().edit(ending__reason="exited\0").decides(
        "a reason that only begins like one", "BLOCK", "the plugin was terminated ()",
        "the risk cannot be scored: run.json does not tell its part termination")


def test_missing():
    for name in "findings.jsonl", "inputs/policy.json", "ledger.jsonl", "logs/stderr.log", "logs/stdout.log":
        Case().drop(name).decides(name + " is missing", "BLOCK", "evidence is missing: " + name, row="F184")
    Case().drop("journal/events.jsonl").decides(
        "the journal is missing", "BLOCK", "evidence is missing: journal/events.jsonl",
        "the journal is missing", row="F184")
    Case().drop("verifier_report.json").decides(
        "the verifier report is missing", "BLOCK", "evidence is missing: verifier_report.json",
        "the verifier report has no status", row="F184")
    Case().drop("run.json").decides(
        "run.json is missing", "BLOCK", "evidence is missing: run.json",
        "run.json does not say what the input was",
        "the evidence is not complete: the broker did not record the end",
        "the journal does not end where run.json says it does",
        "the plugin is not signed by a trusted key", "the plugin was not executed", row="F184")
    Case().drop("usage.json", "inputs/manifest.json").decides("what it does not read may be missing", "PASS")
    c = Case().edit("verifier_report.json", status="FAIL")
    report = json.loads(c.files["verifier_report.json"])
    for n in 0, 2:
        report["checks"][n]["status"] = "FAIL"
    c.add("verifier_report.json", json.dumps(report)).decides(
        "two checks failed", "BLOCK", "the verifier report says FAIL: manifest, isolation", row="F167")
    for broken in "", "[]", "true", '{"status":"PASS"', '{"status":"PASS"} x', '{"status":"PASS","status":"PASS"}':
        Case().add("verifier_report.json", broken).decides(
            "a verifier report %r" % broken, "BLOCK", "evidence is unreadable: verifier_report.json",
            "the verifier report has no status")
    for broken in ("{}", '{"status":"pass"}', '{"status":true}', '{"status":"PASS\\u0000"}',
                   '{"status":["PASS"]}', '{"x":{"status":"PASS"}}'):
        Case().add("verifier_report.json", broken).decides(
            "a verifier report " + broken, "BLOCK", "the verifier report has no status", row="F167")
    for lie in None, "true", 1, False:
        Case().edit(evidence_complete=lie).decides(
            "evidence_complete: %r" % lie, "BLOCK",
            "the evidence is not complete: the broker did not record the end")


def test_journal():
    ends = "the journal does not end where run.json says it does"
    lines = FILES["journal/events.jsonl"]
    Case().add("journal/events.jsonl", lines[:lines[:-1].rindex(b"\n") + 1]).decides(
        "the last event gone", "BLOCK", ends, row="F176")
    Case().add("journal/events.jsonl", "").decides("an empty journal", "BLOCK", ends, row="F176")
    head = json.loads(FILES["run.json"])["journal"]["head"]
    for name, value in ("events", 5), ("events", "4"), ("head", "0" * 64), ("head", head + "0"), ("head", ...):
        Case().edit(**{"journal__" + name: value}).decides(
            "run.json: journal.%s %r" % (name, value), "BLOCK", ends, row="F176")
    Case().add("journal/events.jsonl", lines.replace(b"run.start", b"run.stare", 1)).decides(
        "a broken chain", "BLOCK", "the journal's chain is broken: journal/events.jsonl line 2: its "
        "prev is not the hash of the line before; one of the two was changed", row="F176")


# ---- the rules of version 2 -----------------------------------------------------------------

def test_required():
    lost = "%d of the required evidence missing or unreadable, the first: %s"
    Case().decides("nothing required", "PASS", rule=(
        "required_evidence", "not_applicable: the policy requires no evidence beyond what every run has"), row="F184")
    names = ["artifacts/a.json", "findings.jsonl", "inputs/manifest.json", "logs/stderr.log", "artifacts/b"]
    for good in "{}", "[1]", "null", " \"x\"\n", "0":
        Case(require=names).add("artifacts/a.json", good).add("artifacts/b", "").decides(
            "all that is required, with %r" % good, "PASS",
            rule=("required_evidence", "pass: all evidence that the policy requires is there"), row="F184")
    Case(require=names).add("artifacts/a.json", "{}").decides(
        "one artifact missing", "BLOCK", lost % (1, "artifacts/b"), row="F184")
    Case(require=names).decides("two missing", "BLOCK", lost % (2, "artifacts/a.json"), row="F184")
    for broken in "", "{", '{"a":1,"a":2}', "{} x", "\xff", "[" + " " * (8 << 20) + "]":
        Case(require=["artifacts/a.json"]).add("artifacts/a.json", broken.encode("latin-1")).decides(
            "an artifact that is no JSON: %.12r" % broken, "BLOCK", lost % (1, "artifacts/a.json"), row="F184")
    half = "[" + " " * (4 << 20) + "]"
    Case(require=["artifacts/a.json", "artifacts/b.json"]).add("artifacts/a.json", half).add(
        "artifacts/b.json", half).decides(
            "more JSON than is parsed", "BLOCK", lost % (1, "artifacts/b.json"), row="F184")
    Case(require=["artifacts/a"]).add("artifacts/a/x").decides(
        "a directory in its place", "BLOCK", lost % (1, "artifacts/a"), row="F184")
    Case(require=["artifacts/a"]).add("changes/artifacts/a").decides(
        "the same name elsewhere", "BLOCK", lost % (1, "artifacts/a"), row="F184")
    Case(require=["audit.jsonl"]).decides("a run without --audit", "BLOCK", lost % (1, "audit.jsonl"), row="F184")
    Case("strict", fail_on="none", require=["artifacts/a"]).decides(
        "strict", "BLOCK", lost % (1, "artifacts/a"), row="F184")


def test_input():
    live = {"path": "in", "snapshotted": False}
    good = {"path": "in", "snapshotted": True, "sha256": "0" * 64, "files": 1, "bytes": 1, "skipped": 0}
    Case().decides("no input", "PASS", rule=("input_snapshotted", "not_applicable: no input was given"))
    for profile in POLICIES:
        Case(profile, fail_on="none").edit(input=good).decides(
            "an input by copy, " + profile, "PASS",
            rule=("input_snapshotted", "pass: the input was copied before the run, and its digest is known"))
    Case().edit(input=live).decides("a live input, recorded", "PASS",
                                    rule=("input_snapshotted", "not_applicable: " + LIVE))
    Case(on_unsnapshotted="approval").edit(input=live).decides(
        "a live input wants an approval", "REQUIRE_APPROVAL", LIVE)
    Case(on_unsnapshotted="block").edit(input=live).decides("a live input blocks", "BLOCK", LIVE)
    Case("strict", fail_on="none").edit(input=live).decides("a live input, judged strictly", "BLOCK", LIVE)
    for lie in ({}, [], "in", True, {"snapshotted": "false"}, {"snapshotted": None}, {"snapshotted": True},
                {"snapshotted": True, "sha256": "0"}, {"snapshotted": True, "sha256": 0}, ...):
        Case().edit(input=lie).decides("input: %r" % (lie,), "BLOCK", "run.json does not say what the input was")
    Case().edit(ending=None, input={"path": "in", "snapshotted": True}).decides(
        "refused before the input was copied", "BLOCK", "the plugin was not executed",
        rule=("input_snapshotted", "not_applicable: nothing was executed, and the input was not copied yet"))
    Case().edit(ending=None, input=good).decides(
        "refused after the input was copied", "BLOCK", "the plugin was not executed",
        rule=("input_snapshotted", "pass: the input was copied before the run, and its digest is known"))


def test_patch():
    over = "%d lines staged, %d pass without an approval"
    Case().decides("nothing staged", "PASS", rule=("patch_size", "not_applicable: no change is staged"), row="F181")
    Case().add("changes/src/a", "x\n" * 400).decides(
        "400 lines", "PASS", rule=("patch_size", "pass: " + over % (400, 400)), row="F181")
    Case().add("changes/a", "x\n" * 400 + "y").decides(
        "and one without its newline", "REQUIRE_APPROVAL", over % (401, 400), row="F181")
    Case().add("changes/a", "x\n" * 200).add("changes/b", "\n" * 201).decides(
        "201 empty ones in another file", "REQUIRE_APPROVAL", over % (401, 400), row="F181")
    Case().add("changes/a", "").decides(
        "an empty file", "PASS", rule=("patch_size", "pass: 0 lines staged, 400 pass without an approval"), row="F181")
    Case(max_patch_lines=1).add("changes/a", "x" * 999 + "\n").decides(
        "a line of 999 bytes is one", "PASS",
        rule=("patch_size", "pass: 1 line staged, 1 pass without an approval"), row="F181")
    Case(max_patch_lines=1).add("changes/a", "x" * 1000 + "\n").decides(
        "a line of 1000 bytes is two", "REQUIRE_APPROVAL", over % (2, 1), row="F181")
    Case().add("changes/a", b"\0" * 500000).decides(
        "half a megabyte without a line", "REQUIRE_APPROVAL", over % (501, 400), row="F181")
    Case().add("artifacts/a", "x\n" * 500).decides("artifacts are no change", "PASS", row="F181")
    Case("strict", fail_on="none").add("changes/a", "x\n" * 151).decides(
        "151 lines, judged strictly", "REQUIRE_APPROVAL", over % (151, 150), row="F181")
    Case().add("changes/a", "x\n" * 500).edit(ending__exit_status=1).decides(
        "a BLOCK outranks it", "BLOCK", over % (500, 400), "the plugin failed with exit status 1", row="F181")


    for version in 2, 3:
        Case().add("changes/a", "x\n").over("a", 401).edit(schema_version=version).decides(
            "one line in place of 401, version %d" % version, "PASS" if version == 2 else "REQUIRE_APPROVAL",
            *[] if version == 2 else [over % (401, 400)], row="F181")
    Case().add("changes/a", "x\n" * 401).over("a", 7).decides(
        "401 lines in place of 7", "REQUIRE_APPROVAL", over % (401, 400), row="F181")
    Case().delete("a", 400).delete("b", 0).decides("401 lines go", "REQUIRE_APPROVAL", over % (401, 400), row="F181")
    Case().delete("a", 400).edit(schema_version=2).decides(
        "in a folder of version 2", "PASS", rule=("patch_size", "not_applicable: no change is staged"), row="F182")
    Case(max_risk=1).delete("a", 1, 2 << 20).decides(
        "2 MiB go", "REQUIRE_APPROVAL", "the risk score is 2, 1 passes without an approval", row="F181")


def test_staged():
    bad = "changes.json is missing or unreadable"
    stray = "changes.json does not tell what is staged at "

    def case():
        return Case().add("changes/b").add("changes/d/e").delete("c")

    case().decides("three changes", "PASS", rule=(
        "staged_changes", "pass: 3 changes staged, 1 of them deletions"), row="F175")
    Case().add("changes/<&>").decides("a name of markup", "PASS", rule=(
        "staged_changes", "pass: 1 change staged, 0 of them deletions"), row="F175")
    Case().decides("nothing staged", "PASS", rule=("staged_changes", "not_applicable: no change is staged"), row="F175")
    case().list().drop("changes.json").decides(
        "no list", "BLOCK", "changes.json is missing or unreadable", row="F175")
    case().list(raw=b"{}").edit(schema_version=2).decides("which version 2 does not ask", "PASS", row="F182")
    whole = case().list().files["changes.json"]
    for what, raw in (("nothing", b""), ("an object", b"{}"), ("a list", b"[]"), ("half of it", whole[:200]),
                      ("another spelling", whole.replace(b"\n", b"")), ("a blank more", whole + b"\n"),
                      ("twice", whole.replace(b'"project"', b'"project": "q",\n  "project"', 1))):
        case().list(raw=raw).decides("a list that is " + what, "BLOCK", bad, row="F175")
    for what, edit in (
            ("another version", lambda d: d.update(schema_version=2)), ("a member more", lambda d: d.update(more=1)),
            ("another order", lambda d: d["changes"].reverse()), ("no change", lambda d: d["changes"].clear()),
            ("one twice", lambda d: d["changes"].insert(0, d["changes"][0])),
            ("a path that climbs", lambda d: d["changes"][0].update(path="../b")),
            ("an absolute path", lambda d: d["changes"][0].update(path="/b")),
            ("an unknown op", lambda d: d["changes"][0].update(op="move")),
            ("a write without a digest", lambda d: d["changes"][0].update(sha256=None)),
            ("a deletion with one", lambda d: d["changes"][1].update(sha256="0" * 64)),
            ("a deletion of nothing", lambda d: d["changes"][1].update(base_sha256=None)),
            ("a figure below 0", lambda d: d["changes"][0].update(base_lines=-1)),
            ("no figure", lambda d: d["changes"][0].update(bytes="2")),
            ("no flag", lambda d: d["changes"][0].update(executable=0)),
            ("a short digest", lambda d: d["changes"][0].update(sha256="00"))):
        case().list(edit).decides("a list with " + what, "BLOCK", bad, row="F175")
    for what, path, edit in (
            ("another digest", "b", lambda d: d["changes"][0].update(sha256="0" * 64)),
            ("another size", "b", lambda d: d["changes"][0].update(bytes=3)),
            ("a file that is not there", "a", lambda d: d["changes"][0].update(path="a")),
            ("one less", "d/e", lambda d: d["changes"].pop()),
            ("a deletion of what is staged", "d/e", lambda d: d["changes"].__setitem__(slice(1, 3), [
                dict(d["changes"][1], path="d/e")]))):
        case().list(edit).decides("a list with " + what, "BLOCK", stray + path, row="F175")


def test_project():
    live = {"path": "p", "snapshotted": False}
    good = {"path": "in", "snapshotted": True, "sha256": "0" * 64, "files": 1, "bytes": 1, "skipped": 0}
    Case().edit(project=live).decides("a project", "PASS", rule=(
        "input_snapshotted", "not_applicable: " + PROJECT), row="F022")
    Case(on_unsnapshotted="block").edit(project=live).decides("a project blocks", "BLOCK", PROJECT, row="F022")
    Case(on_unsnapshotted="approval").edit(project=live, input=good).decides(
        "a project beside an input by copy", "REQUIRE_APPROVAL", PROJECT, row="F022")
    Case(on_unsnapshotted="approval").edit(project=live, input=dict(good, snapshotted=False)).decides(
        "a project beside a live input", "REQUIRE_APPROVAL", LIVE, row="F022")
    Case().edit(project=live, input={}).decides(
        "a project beside no input that is known", "BLOCK", "run.json does not say what the input was", row="F022")
    Case(on_unsnapshotted="block").edit(project=live, schema_version=2).decides(
        "in a folder of version 2", "PASS", row="F182")


def test_risk():
    over = "the risk score is %d, %d passes without an approval"
    high = [c for c in CAPABILITIES if CAPABILITIES[c] == "high"]
    Case(max_risk=0).decides("no risk", "PASS", rule=("risk_score", "pass: " + over % (0, 0)), row="F181")
    for name, level in CAPABILITIES.items():
        if level == "high":
            Case(max_risk=9).edit(capabilities__granted=[name]).decides(
                name, "REQUIRE_APPROVAL", over % (10, 9), row="F181")
        else:
            Case(max_risk=0).edit(capabilities__granted=[name]).decides(name, "PASS", row="F181")
    Case().edit(capabilities__granted=high, isolation__tier="landlock").decides(
        "all of high risk in the weakest tier", "REQUIRE_APPROVAL", over % (65, 60), row="F181")
    Case(max_risk=65).edit(capabilities__granted=high, isolation__tier="landlock").decides(
        "as much as is allowed", "PASS", rule=("risk_score", "pass: " + over % (65, 65)), row="F181")
    Case("strict", fail_on="none").edit(capabilities__granted=high[:3], isolation__landlock_abi=0).decides(
        "three and no Landlock, judged strictly", "REQUIRE_APPROVAL", over % (35, 30), row="F181")
    for tier, abi, points in (("chroot", 4, 15), ("chroot", 0, 20), ("landlock", 1, 25), ("namespaces", 0, 5)):
        Case(max_risk=0).edit(isolation__tier=tier, isolation__landlock_abi=abi).decides(
            "%s, Landlock %d" % (tier, abi), "REQUIRE_APPROVAL", over % (points, 0), row="F181")
    Case(max_risk=9).edit(ending__exit_status=7).decides(
        "a failure", "BLOCK", "the plugin failed with exit status 7", over % (10, 9), row="F181")
    Case(max_risk=19).edit(ending={"reason": "timeout"}).decides(
        "a limit", "BLOCK", "the plugin was terminated (timeout)", over % (20, 19), row="F181")
    mib = 1 << 20
    for out, err, points in ((mib - 1, 0, 0), (mib - 1, 1, 1), (3 * mib, 4 * mib, 7), (1 << 52, 1 << 52, 10)):
        c = Case(max_risk=points).edit(output__stdout__seen_bytes=out, output__stderr__seen_bytes=err)
        c.decides("%d bytes said" % (out + err), "PASS", rule=("risk_score", "pass: " + over % (points, points)),
                  row="F181")
    Case(max_risk=1).add("artifacts/a", b"\n" * mib).add("artifacts/b", b"x" * (mib - 16)).decides(
        "what it handed over counts", "REQUIRE_APPROVAL", over % (2, 1), row="F181")
    Case().edit(ending=None, isolation=None).decides(
        "nothing was executed", "BLOCK", "the plugin was not executed",
        rule=("risk_score", "not_applicable: nothing was executed, so nothing was risked"), row="F181")
    for part, lies in {
        "capabilities": [("capabilities", None), ("capabilities__granted", "CAP_WS"),
                         ("capabilities__granted", ["CAP_ROOT"]), ("capabilities__granted", [1])],
        "isolation": [("isolation", None), ("isolation__tier", "none"), ("isolation__tier", "namespaces\0"),
                      ("isolation__landlock_abi", -1), ("isolation__landlock_abi", "4"), ("isolation__landlock_abi", ...)],
        "output": [("output", None), ("output__stdout", {}), ("output__stderr__seen_bytes", -1),
                   ("output__stderr__seen_bytes", 1 << 53)],
    }.items():
        for name, value in lies:
            Case().edit(**{name: value}).decides(
                "%s: %r" % (name, value), "BLOCK",
                "the risk cannot be scored: run.json does not tell its part " + part, row="F181")


# ---- evidence x policy --------------------------------------------------------------------------

def test_pairs():
    """Changes picked by a fixed seed, several at once: rules do not disturb each other."""
    pick = random.Random(1)
    changes = [
        lambda c: c.edit(ending={"reason": "killed", "by": "SIGTERM"}),
        lambda c: c.edit(ending__exit_status=2),
        lambda c: c.edit(ending=None),
        lambda c: c.edit(plugin__signed=False, trust__allow_unsigned=True),
        lambda c: c.edit(input={"path": "x", "snapshotted": False}),
        lambda c: c.edit(broker__refused=2),
        lambda c: c.edit(isolation__tier="chroot"),
        lambda c: c.edit(capabilities__granted=["CAP_WS", "CAP_SPIDER", "CAP_SECRETS_READ"]),
        lambda c: c.edit(schema_version=1),
        lambda c: c.edit(schema_version=2),
        lambda c: c.delete("src2/x", 100, 3 << 20),
        lambda c: c.delete("KEYS"),
        lambda c: c.add("changes/y").list(),
        lambda c: c.add("changes/keys/x", "y\n" * 300),
        lambda c: c.add("changes/src", "y\n" * 200),
        lambda c: c.add("artifacts/a.json", "{}"),
        lambda c: c.findings(2),
        lambda c: c.findings(1, "{}\n"),
        lambda c: c.add("journal/events.jsonl", ""),
        lambda c: c.add("ledger.jsonl", ""),
    ]
    words = {"fail_on": ["none", "info", "high"], "on_denied": ["record", "block"], "max_risk": [0, 20, 60],
             "on_unsnapshotted": ["record", "approval", "block"], "max_patch_lines": [1, 250, 400],
             "require": [[], ["artifacts/a.json"]]}
    wrong = []
    seen = set()
    for n in range(60):
        profile = pick.choice(sorted(POLICIES))
        gate = {name: pick.choice(values) for name, values in words.items()}
        if profile == "strict":
            gate["on_unsnapshotted"] = "block"
        c = Case(profile, **gate)
        for change in pick.sample(changes, pick.randint(0, 4)):
            try:
                change(c)
            except (TypeError, KeyError):
                pass  # an ending that is gone has no status
        if c.listed:
            c.list()
        report, data = report_of(c.files, c.policy)
        if ask(c.files, c.policy) != (STATUS[report["decision"]], data, b""):
            wrong.append((n, gate, report))
        seen |= {(r["rule"], r["result"]) for r in report["rules"]} | {report["decision"]}
    tell(not wrong, "F169: 60 folders and policies, to the byte", wrong)
    tell({"PASS", "BLOCK", "REQUIRE_APPROVAL"} < seen, "F169: each decision is among them", seen)


for test in [value for name, value in list(globals().items()) if name.startswith("test_")]:
    test()
