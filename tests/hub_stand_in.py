"""A stand-in for the Hugging Face hub on this machine: downloads, and uploads in one commit."""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

SHA = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_aSecretThatNobodyMaySee"


class StandIn(BaseHTTPRequestHandler):
    """The parts of the hub's interface that downloads and uploads use.

    Owners other than "me" may not be written to; those called closed, broken and busy answer
    with an error.
    """

    repositories: dict = {}  # noqa: RUF012 - emptied by `running`
    served: list = []  # noqa: RUF012
    commits: list = []  # noqa: RUF012
    created: list = []  # noqa: RUF012
    branches: dict = {}  # noqa: RUF012
    large: dict = {}  # noqa: RUF012
    broken_commits = False
    bad_metadata = False

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        path = unquote(self.path.partition("?")[0].strip("/"))
        for name, files in self.repositories.items():
            if path.startswith(f"api/models/{name}/tree/"):
                files = self.branches.get((name, path.rpartition("/")[2]), files)
                return self.json([self.entry(file, content) for file, content in files.items()])
            if path.startswith(f"api/models/{name}/revision/"):
                revision = path.rpartition("/")[2]
                if revision not in ("main", SHA) and (name, revision) not in self.branches:
                    error = {"X-Error-Code": "RevisionNotFound"}
                    return self.json({"error": "Invalid rev id"}, 404, error)
                return self.repository(name, self.branches.get((name, revision), files))
            if path == f"api/models/{name}":
                return self.repository(name, files)
            prefix = f"{name}/resolve/"
            if path.startswith(prefix):
                file = path[len(prefix) :].partition("/")[2]
                if file in files:
                    return self.file(file, files[file], body)
        if path.startswith("api/models/closed/"):
            return self.json({"error": "gated"}, 403, {"X-Error-Code": "GatedRepo"})
        if path.startswith("api/models/broken/"):
            return self.json({"error": "out of order"}, 400)
        return self.json({"error": "not found"}, 404, {"X-Error-Code": "RepoNotFound"})

    def repository(self, name, files):
        siblings = [{"rfilename": file} for file in files]
        return self.json({"id": name, "modelId": name, "sha": SHA, "siblings": siblings})

    def do_POST(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = unquote(self.path.partition("?")[0].strip("/"))
        if path == "api/validate-yaml":
            # It is asked without a token too.
            wrong = {"errors": [{"message": "no"}], "warnings": []}
            return self.json(wrong, 400) if self.bad_metadata else self.json({})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.json({"error": "Invalid username or password."}, 401)
        if path == "api/repos/create":
            return self.create(json.loads(content))
        for name, files in self.repositories.items():
            if path.startswith(f"api/models/{name}/branch/"):
                return self.branch(name, path.rpartition("/")[2])
            if path.startswith(f"api/models/{name}/preupload/"):
                return self.preupload(json.loads(content)["files"])
            if path == f"{name}.git/info/lfs/objects/batch":
                return self.batch(json.loads(content)["objects"])
            if path.startswith(f"api/models/{name}/commit/"):
                return self.commit(name, files, path.rpartition("/")[2], content)
        return self.json({"error": "not found"}, 404, {"X-Error-Code": "RepoNotFound"})

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(content).hexdigest() == oid
        self.large[oid] = content
        self.send(b"", 200, {})

    def create(self, wanted):
        owner = wanted["organization"] or "me"
        name = f"{owner}/{wanted['name']}"
        if owner == "busy":
            return self.json({"error": "Too many requests"}, 429)
        if owner != "me":
            return self.json({"error": "You don't have the rights to create a model."}, 403)
        url = f"{self.origin()}/{name}"
        if name in self.repositories:
            return self.json({"error": "You already created this model repo", "url": url}, 409)
        self.created.append(wanted)
        self.repositories[name] = {".gitattributes": b"*.safetensors filter=lfs\n"}
        return self.json({"url": url})

    def branch(self, name, branch):
        if (name, branch) in self.branches:
            return self.json({"error": "Reference already exists"}, 409)
        self.branches[name, branch] = dict(self.repositories[name])
        return self.json({})

    def preupload(self, files):
        large = (".safetensors", ".bin")
        return self.json(
            {
                "files": [
                    {
                        "path": file["path"],
                        "uploadMode": "lfs" if file["path"].endswith(large) else "regular",
                        "shouldIgnore": False,
                    }
                    for file in files
                ]
            }
        )

    def batch(self, objects):
        return self.json(
            {
                "transfer": "basic",
                "objects": [
                    one | {"actions": {"upload": {"href": f"{self.origin()}/put/{one['oid']}"}}}
                    for one in objects
                ],
            }
        )

    def commit(self, name, files, branch, content):
        if self.broken_commits:
            return self.json({"error": "internal"}, 500)
        if branch != "main":
            files = self.branches[name, branch]
        lines = [json.loads(line) for line in content.splitlines()]
        self.commits.append((branch, lines))
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        return self.json({"commitUrl": f"{self.origin()}/{name}/commit/{SHA}", "commitOid": SHA})

    def origin(self):
        return f"http://{self.headers['Host']}"

    @staticmethod
    def entry(file, content):
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "path": file, "size": len(content), "oid": oid}

    def json(self, value, status=200, headers=None):
        content = json.dumps(value).encode()
        self.send(content, status, {"Content-Type": "application/json", **(headers or {})})

    def file(self, name, content, body):
        if body:
            self.served.append(name)
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        self.send(content, 200, {"ETag": etag, "X-Repo-Commit": SHA}, body)

    def send(self, content, status, headers, body=True):
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@contextmanager
def running():
    """Start it, empty; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    for name in ("repositories", "branches", "large"):
        setattr(StandIn, name, {})
    for name in ("served", "commits", "created"):
        setattr(StandIn, name, [])
    StandIn.broken_commits = StandIn.bad_metadata = False
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
