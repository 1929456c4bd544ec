/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that a service manager passes. Not under valgrind: to be descriptor 3, a socket takes the place of what the
 * program was started with, and valgrind takes what is put back there for a descriptor that leaks.
 */
#include "desk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(method) "{\"method\":\"org.example.desk." method "\"}"

static const struct postern_service_events no_events = { .size = sizeof(no_events) };

static void listen_fds(const char *pid, const char *id, int n, const char *names)
{
	char number[16];

	snprintf(number, sizeof number, "%d", n);
	assert_ok(setenv("LISTEN_PID", pid, 1));
	assert_ok(setenv("LISTEN_FDS", number, 1));
	assert_ok(id ? setenv("LISTEN_PIDFDID", id, 1) : unsetenv("LISTEN_PIDFDID"));
	assert_ok(names ? setenv("LISTEN_FDNAMES", names, 1) : unsetenv("LISTEN_FDNAMES"));
}

static void not_passed_as(const char *name, const char *why)
{
	struct postern_service *s = NULL;
	struct postern_loop *loop;

	assert_ok(postern_loop_new(&loop));
	assert_errno(postern_service_new(&s, loop, name, NULL, &no_events, NULL), -ENOENT);
	if (!strstr(postern_why()->text, why))
		fail_msg("%s", postern_why()->text);
	postern_loop_free(loop);
}

static void not_passed(const char *why)
{
	not_passed_as("fd:varlink", why);
}

static void serves_what_was_passed(const char *name)
{
	struct desk d;
	int fd;

	desk_open_name(&d, name, NULL);
	fd = plain_connect(test_path("l"));
	assert_ok(fcntl(fd, F_SETFL, O_NONBLOCK));
	desk_say(&d, fd, CALL("Echo"));
	desk_hears(&d, fd, "{}");
	close(fd);
	desk_close(&d);
}

static void V20_the_passed_socket_is_the_only_one_or_the_one_that_is_named_varlink(void **state)
{
	int listener = plain_listen(test_path("l"), 5), third = dup(3), pidfd;
	char pid[16], id[32], wrong[32], names[512] = "varlink";
	struct stat st;

	(void)state;
	snprintf(pid, sizeof pid, "%d", getpid());
	/* Valgrind has none. */
	pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (pidfd >= 0) {
		assert_ok(fstat(pidfd, &st));
		close(pidfd);
		snprintf(id, sizeof id, "%llu", (unsigned long long)st.st_ino);
		snprintf(wrong, sizeof wrong, "%llu", (unsigned long long)st.st_ino + 1);
	}
	assert_ok(unsetenv("LISTEN_PID"));
	not_passed("LISTEN_PID");
	listen_fds("1", NULL, 1, "varlink");
	not_passed("LISTEN_PID");
	if (pidfd >= 0) {
		listen_fds(pid, wrong, 1, "varlink");
		not_passed("LISTEN_PID");
	}
	listen_fds(pid, NULL, 2, "other:name");
	not_passed("varlink");
	listen_fds(pid, NULL, 2, NULL);
	not_passed("varlink");
	listen_fds(pid, NULL, 0, NULL);
	not_passed("LISTEN_FDS");
	/* Of several: as many before it as there are descriptors from 3 to the listener. */
	names[0] = '\0';
	for (int i = 3; i < listener; i++)
		strcat(names, "x:");
	strcat(names, "varlink:varlinks");
	listen_fds(pid, pidfd >= 0 ? id : NULL, listener - 3 + 2, names);
	serves_what_was_passed("fd:varlink");
	/* By another name, which has to be its own. */
	for (char *at = names; (at = strstr(at, "varlink:"));)
		memcpy(at, "control", 7);
	listen_fds(pid, pidfd >= 0 ? id : NULL, listener - 3 + 2, names);
	serves_what_was_passed("fd:control");
	not_passed_as("fd:contro", "none is named contro ");
	not_passed_as("fd:3control", "none is named 3control ");
	/* Of one, whatever its name. */
	assert_int_equal(dup2(listener, 3), 3);
	listen_fds(pid, NULL, 1, "other");
	serves_what_was_passed("fd:varlink");
	serves_what_was_passed("fd:other");
	not_passed_as("fd:control", "none is named control ");
	assert_int_equal(dup2(third, 3), 3);
	close(third);
	close(listener);
	unsetenv("LISTEN_PID");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V20_the_passed_socket_is_the_only_one_or_the_one_that_is_named_varlink),
	};
	return test_run(tests);
}
