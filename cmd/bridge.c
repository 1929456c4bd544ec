/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bridge.c - postern bridge: finds the program postern-bridge, and becomes it
 *
 * The bridge needs libraries that this command does not, so it is a program of its own, in a package of its own. Beside this
 * command is where a build has it, libexec where it is installed; PATH comes last, so that no directory of a user's takes the
 * place of the one that was installed with this command.
 */
#include "command.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BRIDGE_PROGRAM "postern-bridge"

/* Is it in this directory, of n bytes? Then its path is in ret. None is the root. */
static bool bridge_is_in(const char *directory, size_t n, const char *below, char *ret, size_t size)
{
	int length = snprintf(ret, size, "%.*s/%s" BRIDGE_PROGRAM, (int)n, directory, below);

	return length > 0 && (size_t)length < size && access(ret, X_OK) == 0;
}

static bool bridge_find(char *ret, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *path = getenv("PATH"), *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash && (bridge_is_in(self, (size_t)(slash - self), "", ret, size) ||
		      bridge_is_in(self, (size_t)(slash - self), "../libexec/postern/", ret, size)))
		return true;
	while (path) {
		size_t part = strcspn(path, ":");

		/* An empty part is the working directory, which is not searched here. */
		if (part > 0 && part < PATH_MAX && bridge_is_in(path, part, "", ret, size))
			return true;
		path = path[part] ? path + part + 1 : NULL;
	}
	return false;
}

bool command_bridge_is_there(void)
{
	char path[2 * PATH_MAX];

	return bridge_find(path, sizeof(path));
}

int command_bridge(char **argv)
{
	static char name[] = BRIDGE_PROGRAM;
	char path[2 * PATH_MAX];
	int error;

	if (!bridge_find(path, sizeof(path))) {
		output_error(
			"bridge", NULL,
			"the program " BRIDGE_PROGRAM
			" is not installed; the package of this name has it, and so has a build where libnats (libnats-dev) is");
		return EXIT_NO_SERVER;
	}
	*argv = name;
	execv(path, argv);
	error = errno;
	output_error("bridge", NULL, "%s: %s", path, strerror(error));
	return error == ENOMEM || error == EAGAIN ? EXIT_TRY_AGAIN : EXIT_NO_SERVER;
}
