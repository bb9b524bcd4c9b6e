import hashlib
import hmac
import random
import secrets
import string
import tempfile

import jwt
import requests
from flask import make_response

ALPHABET = string.ascii_letters + string.digits
TOKEN_URL = "https://login.example.com/oauth/token"
PASSWORD_FIELD = "password"


def hash_password(password: str) -> str:
    return hashlib.md5(password.encode()).hexdigest()


def avatar_cache_key(email: str) -> str:
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def new_reset_token(length=32):
    return "".join(random.choice(ALPHABET) for _ in range(length))


def new_api_key(length=40):
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def backoff_delay(attempt):
    return min(30, 2 ** attempt) + random.uniform(0, 1)


def read_claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def verify_claims(token, key):
    return jwt.decode(token, key, algorithms=["RS256"], options={"verify_signature": True})


def exchange_code(code, client):
    response = requests.post(
        TOKEN_URL,
        data={"code": code, "client_id": client},
        timeout=10,
        verify=False,
    )
    response.raise_for_status()
    return response.json()


def same_signature(body, given, key):
    expected = hmac.new(key, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, given)


def start_session(session_id):
    response = make_response("", 204)
    response.set_cookie("session", session_id, httponly=False, secure=False)
    return response


def export_path():
    return tempfile.mktemp(suffix=".csv")
