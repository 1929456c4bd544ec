# SPDX-License-Identifier: Apache-2.0
"""Certificates and credentials of a test, made by openssl: a CA with certificates of it, and an operator of NATS with users."""

import base64
import hashlib
import json
import pathlib
import subprocess
import time

OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3
PKCS8_OF_ED25519 = bytes.fromhex("302e020100300506032b657004220420")


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True).stdout


class Authority:
    """Signs certificates, for a day."""

    def __init__(self, directory, name):
        self.directory, self.name = pathlib.Path(directory), name
        self.certificate, self.key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
                f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    def sign(self, name):
        """A certificate for localhost, and its key."""
        certificate, key, request = (self.directory / f"{name}.{end}" for end in ("pem", "key", "csr"))
        extensions = self.directory / f"{name}.ext"
        extensions.write_text("subjectAltName=DNS:localhost\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}", "-keyout", key,
                "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "1",
                "-extfile", extensions, "-out", certificate)
        return certificate, key


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xffff
    return crc


def encode(raw):
    return base64.b32encode(raw + crc16(raw).to_bytes(2, "little")).decode().rstrip("=")


def base64url(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Key:
    """An nkey: a pair of Ed25519 with a letter for what it is of."""

    def __init__(self, directory, name, kind):
        self.file, self.kind = pathlib.Path(directory) / f"{name}.der", kind
        self.seed = hashlib.sha256(f"{name} {time.time_ns()}".encode()).digest()
        self.file.write_bytes(PKCS8_OF_ED25519 + self.seed)
        raw = openssl("pkey", "-inform", "DER", "-in", self.file, "-pubout", "-outform", "DER")[-32:]
        self.public = encode(bytes([kind]) + raw)

    def secret(self):
        return encode(bytes([SEED | self.kind >> 5, (self.kind & 31) << 3]) + self.seed)

    def sign(self, text):
        message = self.file.with_suffix(".text")
        message.write_bytes(text.encode())
        return openssl("pkeyutl", "-sign", "-keyform", "DER", "-inkey", self.file, "-rawin", "-in", message)

    def token(self, subject, name, claims):
        body = {"iat": int(time.time()), "iss": self.public, "sub": subject.public, "name": name, "nats": {"version": 2, **claims}}
        body["jti"] = base64.b32encode(hashlib.sha256(json.dumps(body).encode()).digest()).decode().rstrip("=")
        parts = [base64url(json.dumps(p, separators=(",", ":")).encode()) for p in ({"typ": "JWT", "alg": "ed25519-nkey"}, body)]
        text = ".".join(parts)
        return f"{text}.{base64url(self.sign(text))}"


class Operator:
    """An operator with one account; configuration is for the server, user() makes credentials."""

    LIMITS = {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1}

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.key, self.account = Key(directory, "operator", OPERATOR), Key(directory, "account", ACCOUNT)
        operator = self.key.token(self.key, "operator", {"type": "operator"})
        account = self.key.token(self.account, "account", {"type": "account", "limits": self.LIMITS, "default_permissions": {}})
        self.configuration = (f"operator: {operator}\nresolver: MEMORY\n"
                              f"resolver_preload: {{ {self.account.public}: {account} }}\n")

    def user(self, name, account=None, allow=()):
        """A file of credentials, of this account or of another, which the server does not know."""
        key = Key(self.directory, name, USER)
        permissions = {"pub": {"allow": list(allow)}, "sub": {}} if allow else {"pub": {}, "sub": {}}
        token = (account or self.account).token(key, name, {"type": "user", "subs": -1, "data": -1, "payload": -1, **permissions})
        path = self.directory / f"{name}.creds"
        path.write_text(f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
                        f"-----BEGIN USER NKEY SEED-----\n{key.secret()}\n------END USER NKEY SEED------\n")
        return path
