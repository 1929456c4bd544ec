/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus-options.c - what libnats is told, and what is wrong with it
 *
 * libnats checks the host name of a server's certificate against the URL, as built by default (NATS_FORCE_HOST_VERIFICATION);
 * nothing here turns that off. It takes any scheme for nats://, so that tls://user:password@host would send the password in
 * the clear to a server without TLS: here tls:// means TLS, and other words are refused. It reads a file of credentials while it
 * connects, without saying what is wrong with it, and would wait for ever for somebody to write to a FIFO: files are
 * checked before.
 *
 * Its delivery pool gets one thread. With one for each subscription a message for the control of a stream could overtake
 * the call, and a service of a hundred methods would have a hundred threads.
 */
#include "bus-internal.h"
#include "../cmd/command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUS_ATTEMPT        2000 /* ms, for one connect */
#define BUS_WRITE_DEADLINE 2000 /* ms */
/* ms; a server is lost at the third that it has not answered the two before: 6 to 9 s after it has fallen silent. */
#define BUS_PING      3000
#define BUS_CREDS_MAX 65536u

/* ---- checks ---- */

const char *bus_shown(const char *url)
{
	const char *at = strrchr(url, '@');

	return at ? at + 1 : url;
}

static bool bus_is_scheme(const char *url, size_t n, const char *scheme)
{
	return n == strlen(scheme) && !strncasecmp(url, scheme, n);
}

static bool bus_is_tls(const char *url)
{
	const char *end = strstr(url, "://");

	return end && bus_is_scheme(url, (size_t)(end - url), "tls");
}

const char *bus_wrong_url(const char *url)
{
	const char *end = strstr(url, "://");
	const char *host = end ? end + 3 : url;

	if (end && !bus_is_tls(url) && !bus_is_scheme(url, (size_t)(end - url), "nats"))
		return "a server of NATS is nats://HOST[:PORT], or tls://HOST[:PORT]";
	if (*bus_shown(host) == '\0' || *bus_shown(host) == ':' || strpbrk(url, " \t\r\n,"))
		return "it has no host; a server of NATS is nats://HOST[:PORT], and --nats may be repeated";
	return NULL;
}

/* -errno; -EINVAL: it is no regular file. Nothing is waited for. */
static int bus_open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), r = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

static int bus_unreadable(const char *verb, const char *option, const char *path, int error)
{
	output_error(verb, NULL, "%s %s: %s", option, path,
		     error == -EINVAL ? "it is no regular file" : strerror(-error));
	return EXIT_NO_INPUT;
}

static int bus_check_file(const char *verb, const char *option, const char *path)
{
	int fd = path ? bus_open_file(path) : -1;

	if (fd >= 0)
		close(fd);
	return path && fd < 0 ? bus_unreadable(verb, option, path, fd) : EXIT_DONE;
}

/* The bytes and a \0. */
static int bus_read_file(const char *path, char *ret, size_t size)
{
	int fd = bus_open_file(path), r = 0;
	ssize_t n = 0;
	size_t got = 0;

	if (fd < 0)
		return fd;
	while (got < size - 1 && (n = read(fd, ret + got, size - 1 - got)) > 0)
		got += (size_t)n;
	if (n < 0)
		r = -errno;
	else if (got == size - 1)
		r = -EFBIG;
	close(fd);
	ret[got] = '\0';
	return r;
}

/* A line that begins with dashes and has these words, and a line behind it that begins as it has to. */
static bool bus_has_section(const char *text, const char *words, const char *begins)
{
	const char *at = strstr(text, words), *line = at ? strchr(at, '\n') : NULL;

	while (line && (line[1] == '\r' || line[1] == '\n' || line[1] == ' '))
		line++;
	return line && !strncmp(line + 1, begins, strlen(begins));
}

static int bus_check_creds(const char *verb, const char *path)
{
	char text[BUS_CREDS_MAX];
	int r = path ? bus_read_file(path, text, sizeof(text)) : 0;
	bool is_good;

	if (!path)
		return EXIT_DONE;
	if (r < 0)
		return bus_unreadable(verb, "--creds", path, r);
	is_good = bus_has_section(text, "BEGIN NATS USER JWT", "ey") &&
		  bus_has_section(text, "BEGIN USER NKEY SEED", "SU");
	explicit_bzero(text, sizeof(text));
	if (is_good)
		return EXIT_DONE;
	output_error(
		verb, NULL,
		"--creds %s: it is no file of credentials: it needs a NATS USER JWT and a USER NKEY SEED, as `nsc generate creds` writes it",
		path);
	return EXIT_USAGE;
}

static int bus_check_files(const struct bus_options *o)
{
	int status = bus_check_creds(o->verb, o->creds);

	if (!status)
		status = bus_check_file(o->verb, "--tls-ca", o->tls_ca);
	if (!status)
		status = bus_check_file(o->verb, "--tls-cert", o->tls_cert);
	if (!status)
		status = bus_check_file(o->verb, "--tls-key", o->tls_key);
	return status;
}

/* ---- options ---- */

static natsStatus bus_set_tls(natsOptions *n, const struct bus_options *o)
{
	natsStatus s = NATS_OK;

	bool tls = o->tls || o->tls_ca || o->tls_cert;

	for (size_t i = 0; i < o->n_urls; i++)
		tls = tls || bus_is_tls(o->urls[i]);
	if (!tls)
		return NATS_OK;
	s = natsOptions_SetSecure(n, true);
	if (s == NATS_OK && o->tls_ca)
		s = natsOptions_LoadCATrustedCertificates(n, o->tls_ca);
	if (s == NATS_OK && o->tls_cert)
		s = natsOptions_LoadCertificatesChain(n, o->tls_cert, o->tls_key);
	return s;
}

static natsStatus bus_set_limits(natsOptions *n)
{
	natsStatus s = natsOptions_SetTimeout(n, BUS_ATTEMPT);

	if (s == NATS_OK)
		s = natsOptions_SetWriteDeadline(n, BUS_WRITE_DEADLINE);
	if (s == NATS_OK)
		s = natsOptions_SetPingInterval(n, BUS_PING);
	if (s == NATS_OK)
		s = natsOptions_SetMaxPingsOut(n, 2);
	if (s == NATS_OK)
		s = natsOptions_SetMaxPendingMsgs(n, BUS_PENDING);
	/* What is buffered while it reconnects: as good as nothing. 0 would be 8 MiB. */
	if (s == NATS_OK)
		s = natsOptions_SetReconnectBufSize(n, 1);
	if (s == NATS_OK)
		s = natsOptions_SetSendAsap(n, true);
	if (s == NATS_OK)
		s = natsOptions_UseGlobalMessageDelivery(n, true);
	if (s == NATS_OK)
		s = natsOptions_SetMaxReconnect(n, INT32_MAX);
	return s;
}

/* What has failed when this returns, for a message. */
static natsStatus bus_set_options(natsOptions *n, struct bus *b, const struct bus_options *o,
				  const char **what)
{
	natsStatus s = natsOptions_SetServers(n, (const char **)(void *)o->urls, (int)o->n_urls);

	*what = "--nats";
	if (s == NATS_OK && o->name)
		s = natsOptions_SetName(n, o->name);
	if (s == NATS_OK) {
		*what = "its limits";
		s = bus_set_limits(n);
	}
	if (s == NATS_OK)
		s = bus_set_events(n, b);
	if (s == NATS_OK && o->creds) {
		*what = "--creds";
		s = natsOptions_SetUserCredentialsFromFiles(n, o->creds, NULL);
	}
	if (s == NATS_OK) {
		*what = "the files of --tls-ca, --tls-cert and --tls-key";
		s = bus_set_tls(n, o);
	}
	return s;
}

int bus_options_new(natsOptions **ret, struct bus *b, const struct bus_options *o)
{
	natsOptions *n = NULL;
	const char *what = "its library", *text;
	int status = bus_check_files(o);
	natsStatus s;

	*ret = NULL;
	if (status)
		return status;
	s = nats_SetMessageDeliveryPoolSize(1);
	if (s == NATS_OK)
		s = natsOptions_Create(&n);
	if (s == NATS_OK)
		s = bus_set_options(n, b, o, &what);
	*ret = n;
	if (s == NATS_OK)
		return EXIT_DONE;
	text = nats_GetLastError(NULL);
	output_error(b->verb, NULL, "NATS cannot be used: %s: %s%s%s", what, natsStatus_GetText(s),
		     text && *text ? ": " : "", text ? text : "");
	return s == NATS_NO_MEMORY ? EXIT_TRY_AGAIN : EXIT_USAGE;
}
