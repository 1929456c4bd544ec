/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec-program.c - what --exec can check before it prints ready
 *
 * A client that finds a server expects it to work. So errors that would affect every connection are checked first: the
 * program, the interpreter in its first line, and the system calls without which no process can be started or
 * watched, and which a seccomp filter may deny. Temporary failures, such as a limit of processes that is
 * reached, do not keep the server from starting.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

extern char **environ;

static int exec_check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return access(path, X_OK) < 0 ? -errno : 0;
}

static int exec_find(const char *program, char *ret, size_t size)
{
	const char *path = getenv("PATH");
	int r, result = -ENOENT;
	size_t n;

	if (strchr(program, '/'))
		return (size_t)snprintf(ret, size, "%s", program) < size ? exec_check(ret)
									 : -ENAMETOOLONG;
	for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *program; path += n + 1) {
		n = strcspn(path, ":");
		/* An empty element is the working directory. */
		if ((size_t)snprintf(ret, size, "%.*s%s%s", (int)n, path, n ? "/" : "./", program) <
		    size) {
			r = exec_check(ret);
			if (r == 0)
				return 0;
			if (r == -EACCES)
				result = r;
		}
		if (!path[n])
			break;
	}
	return result;
}

/* The path after "#!" in the file's first line; 0 if there is none, or if the file is not readable, which is allowed. */
static size_t exec_interpreter(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);
	size_t from, length;

	if (fd >= 0)
		close(fd);
	if (n < 2 || ret[0] != '#' || ret[1] != '!')
		return 0;
	ret[n] = 0;
	from = 2 + strspn(ret + 2, " \t");
	length = strcspn(ret + from, " \t\r\n");
	/* If the line does not end here, leave it to the kernel. */
	if (!ret[from + length])
		return 0;
	memmove(ret, ret + from, length);
	ret[length] = 0;
	return length;
}

int exec_look(const char *name, const char *program, char *path, size_t size)
{
	char interpreter[PATH_MAX];
	int r = exec_find(program, path, size);

	if (r < 0) {
		output_error("serve", name, "cannot run '%s': %s", program,
			     r == -ENOENT && !strchr(program, '/') ? "no such program in PATH"
			     : r == -EACCES                        ? "not an executable file"
								   : strerror(-r));
		return EXIT_NO_PROGRAM;
	}
	if (!exec_interpreter(path, interpreter, sizeof(interpreter)))
		return EXIT_DONE;
	r = exec_check(interpreter);
	if (r == 0)
		return EXIT_DONE;
	output_error("serve", name, "cannot run '%s': its interpreter %s: %s", program, interpreter,
		     r == -EACCES ? "not an executable file" : strerror(-r));
	return EXIT_NO_PROGRAM;
}

bool exec_may_pass(int error)
{
	return error == -EAGAIN || error == -ENOMEM || error == -EMFILE || error == -ENFILE ||
	       error == -ETXTBSY || error == -EINTR;
}

static int exec_denied(const char *name, const char *call, int error)
{
	output_error(
		"serve", name,
		"--exec needs %s, and it failed: %s; a seccomp filter may deny it, or the kernel is older than 5.4",
		call, strerror(error));
	return EXIT_NOT_ALLOWED;
}

/* Watch our own process as a process of --exec would be; since it is not its own child, the expected error is ECHILD. */
static int exec_probe_watching(const char *name)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	siginfo_t info;
	int r;

	if (fd < 0)
		return exec_may_pass(-errno) ? EXIT_DONE : exec_denied(name, "pidfd_open()", errno);
	r = waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? errno : 0;
	close(fd);
	return r && r != ECHILD ? exec_denied(name, "waitid() of a pidfd", r) : EXIT_DONE;
}

int exec_probe(const char *name)
{
	char *argv[] = { NULL };
	pid_t pid;
	/* No file has an empty name: a process is made, fails to execute it, and ends. */
	int r = posix_spawn(&pid, "", NULL, NULL, argv, environ);

	if (exec_may_pass(-r))
		output_error("serve", name, "no process can be started now: %s; clients will wait",
			     strerror(r));
	else if (r && r != ENOENT)
		return exec_denied(name, "clone() and execve()", r);
	return exec_probe_watching(name);
}
