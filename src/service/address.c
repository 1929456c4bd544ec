/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.c - where a service is: a name of Postern, or an address of Varlink
 *
 *   clock, system:clock, /run/clock, ./clock, @clock     a name, as of postern_connect()
 *   unix:/run/clock, unix:clock, unix:@clock             Varlink's; what follows a ; are properties, of which we know none
 *   tcp:, exec:, ssh: and whatever else                  other transports: refused, by name
 *
 * The name is checked here, when the caller is made, and not at its first call. A relative path is made absolute: a
 * later chdir() does not move it.
 */
#include "service/caller.h"

#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "name/name.h"

/* The length of what precedes the first colon, if it is the name of a transport; else 0. */
static size_t address_scheme(const char *address)
{
	size_t n = strspn(address, "abcdefghijklmnopqrstuvwxyz0123456789+-");

	return address[n] == ':' && n > 0 ? n : 0;
}

static int address_no_memory(void)
{
	return why_call("postern_caller_new", -ENOMEM);
}

/* unix:clock is a path as unix:./clock is, and not the word clock. */
static int address_unix(char **ret, const char *address)
{
	const char *path = address + strlen("unix:");
	size_t n = strcspn(path, ";");
	char *name;

	if (n == 0)
		return why_set(why_last(), POSTERN_REASON_FAILED, -EINVAL,
			       "%s: there is no path in it", words_name(address).text);
	name = sys_alloc(n + sizeof("./"));
	if (!name)
		return address_no_memory();
	snprintf(name, n + sizeof("./"), "%s%.*s",
		 path[0] == '@' || memchr(path, '/', n) ? "" : "./", (int)n, path);
	*ret = name;
	return 0;
}

static int address_copy(char **ret, const char *name)
{
	*ret = text_copy(name);
	return *ret ? 0 : address_no_memory();
}

static int address_check(char **name)
{
	struct name resolved = { 0 };
	char *path = NULL;
	int r = name_resolve(&resolved, *name, why_last());

	if (r < 0)
		return r;
	if (resolved.kind == NAME_FD)
		r = why_set(why_last(), POSTERN_REASON_FAILED, -EINVAL,
			    "%s: fd:N is a server's listening socket, and no address to call",
			    *name);
	else if (resolved.kind == NAME_PATH)
		r = address_copy(&path, resolved.path);
	name_deinit(&resolved);
	if (path) {
		sys_free(*name);
		*name = path;
	}
	return r;
}

int caller_address(char **ret, const char *address)
{
	size_t scheme = address_scheme(address);
	char *name = NULL;
	int r;

	if (strncmp(address, "unix:", 5) == 0)
		r = address_unix(&name, address);
	else if (!scheme || strncmp(address, "system:", 7) == 0 || strncmp(address, "fd:", 3) == 0)
		r = address_copy(&name, address);
	else
		return why_set(
			why_last(), POSTERN_REASON_FAILED, -EPROTONOSUPPORT,
			"%s: addresses with %.*s: are not supported; unix:PATH, unix:@NAME, a name or a path are",
			words_name(address).text, (int)(scheme < 16 ? scheme : 16), address);
	if (r == 0)
		r = address_check(&name);
	if (r < 0) {
		sys_free(name);
		return r;
	}
	*ret = name;
	return 0;
}
