import asyncio
import ast
import os
import pickle
import subprocess as sp
import time
from pathlib import Path

import requests
import yaml
from defusedxml import ElementTree

SPOOL = Path("/var/spool/ingest")


def load_job(blob: bytes):
    return pickle.loads(blob)


def load_settings(path):
    with open(path, encoding="utf-8") as handle:
        return yaml.load(handle, Loader=yaml.SafeLoader)


def load_pipeline(text):
    return yaml.load(text, Loader=yaml.Loader)


def parse_feed(xml_text):
    return ElementTree.fromstring(xml_text)


def evaluate(expression, row):
    return eval(expression, {"row": row})


def parse_literal(text):
    return ast.literal_eval(text)


def convert(source, target):
    sp.run("convert " + source + " " + target, shell=True, check=True, timeout=60)


def thumbnail(source, target):
    sp.run(["convert", "-resize", "200x200", source, target], check=True, timeout=60)


def fetch(url):
    return requests.get(url).content


def save(name, data):
    target = SPOOL / name
    target.write_bytes(data)
    os.chmod(target, 0o777)


def remove(path):
    try:
        os.remove(path)
    except FileNotFoundError:
        # Another worker may have cleaned it up already.
        pass


def flush(queue):
    for item in queue:
        try:
            item.send()
        except:
            pass


async def poll(queue):
    while not queue.closed:
        time.sleep(5)
        await asyncio.to_thread(flush, queue)
