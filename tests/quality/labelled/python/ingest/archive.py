"""Unpack the bundles partners upload and publish the result."""
import logging
import tarfile
import time

import paramiko
from flask import Flask, abort, request
from jinja2 import Environment, select_autoescape
from werkzeug.utils import safe_join

app = Flask(__name__)
log = logging.getLogger(__name__)
UPLOADS = "/srv/uploads"

html_env = Environment(autoescape=select_autoescape())
mail_env = Environment(autoescape=False)


def unpack(bundle, target):
    with tarfile.open(bundle) as tar:
        tar.extractall(target)


def unpack_sample(bundle, target):
    with tarfile.open(bundle) as tar:
        tar.extractall(target, filter="data")


def connect(host, user):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(host, username=user, timeout=15)
    return client


def wait_for(path, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists():
            return True
        time.sleep(0.5)
    return False


@app.get("/files")
def download():
    with open(UPLOADS + "/" + request.args["name"], "rb") as handle:
        return handle.read()


@app.get("/reports/<path:name>")
def report(name):
    path = safe_join(UPLOADS, name)
    if path is None:
        abort(404)
    with open(path, "rb") as handle:
        return handle.read()


def is_retry(status):
    if status is "retry":
        log.info("retrying")
        return True
    return False


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=8080, debug=True)
