#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bridge over TLS and with credentials, and what it says where these are refused."""

import harness
import keys
from harness import INTERFACE, Caller, Place, equals, tap

NOT_ALLOWED, IO = 77, 74
ECHO = f"{INTERFACE}.Echo"


def refused(p, name, service, options, status, text):
    done = p.run("bridge", "export", service.path, "--wait", "2s", *options)
    tap.result(name, "" if done.returncode == status and text in done.stderr else f"it ended with {done.returncode}: {done.stderr}")


def works(p, name, service, as_name, options):
    p.bridge("export", service.path, *options)
    b = p.take(as_name, options=options)
    c = Caller(b.path)
    equals(name, c.call(ECHO, {"text": as_name}), {"parameters": {"text": as_name}})
    c.close()


def test_tls(p, service):
    good, bad = keys.Authority(p.directory, "authority"), keys.Authority(p.directory, "stranger")
    certificate, key = good.sign("server")
    tls = f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\n'
    url = p.nats("tls", configuration=tls).url.replace("127.0.0.1", "localhost")
    works(p, "calls_travel_over_tls", service, "tls", ["--nats", url, "--tls-ca", good.certificate])
    refused(p, "a_server_that_nobody_vouches_for_is_refused", service, ["--nats", url, "--tls-ca", bad.certificate], IO, "SSL")
    refused(p, "a_missing_file_of_certificates_is_told", service, ["--nats", url, "--tls-ca", p.directory / "none"], 66, "--tls-ca")
    plain = p.nats("plain").url
    refused(p, "with_tls_a_server_without_it_is_refused", service, ["--nats", plain, "--tls"], IO, "ecure")
    both = tls.replace(" }", f', ca_file: "{good.certificate}", verify: true }}')
    url = p.nats("mutual", configuration=both).url.replace("127.0.0.1", "localhost")
    own, own_key = good.sign("bridge")
    works(p, "a_certificate_of_our_own_is_shown", service, "mutual",
          ["--nats", url, "--tls-ca", good.certificate, "--tls-cert", own, "--tls-key", own_key])
    refused(p, "a_certificate_without_its_key_is_told", service, ["--nats", url, "--tls-cert", own], 64, "--tls-key")


def test_credentials(p, service):
    operator = keys.Operator(p.directory)
    url = p.nats("operator", configuration=operator.configuration).url
    works(p, "credentials_are_shown", service, "creds", ["--nats", url, "--creds", operator.user("good")])
    stranger = keys.Key(p.directory, "stranger", keys.ACCOUNT)
    refused(p, "a_refused_credential_is_told_at_once", service, ["--nats", url, "--creds", operator.user("bad", stranger)],
            NOT_ALLOWED, "uthorization")
    refused(p, "no_credential_is_told", service, ["--nats", url], NOT_ALLOWED, "uthorization")
    refused(p, "a_missing_file_of_credentials_is_told", service, ["--nats", url, "--creds", p.directory / "none"], 66, "No such file")
    url = p.nats("password", configuration='authorization { user: u, password: "secret" }\n').url
    works(p, "a_password_may_be_in_the_url", service, "password", ["--nats", url.replace("//", "//u:secret@")])
    done = p.run("bridge", "export", service.path, "--nats", url.replace("//", "//u:guess@"))
    tap.result("a_wrong_one_is_told_and_not_shown", "" if done.returncode == NOT_ALLOWED and "guess" not in done.stderr else
               f"it ended with {done.returncode}: {done.stderr}")


def main():
    harness.need_nats()
    tap.need("openssl")
    p = Place()
    service = p.service()
    test_tls(p, service)
    test_credentials(p, service)
    tap.result("all_of_it_ends", p.end())
    tap.done()


if __name__ == "__main__":
    main()
