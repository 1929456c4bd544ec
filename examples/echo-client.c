/* SPDX-License-Identifier: Apache-2.0 */
/* echo-client NAME TEXT: sends TEXT and prints the echo; status 0 if the server ended the connection properly */
#include <postern.h>
#include <stdio.h>
#include <string.h>

static int status = 1;

static size_t received(struct postern_conn *c, const void *bytes, size_t n, void *loop)
{
	(void)c, (void)loop;
	return fwrite(bytes, 1, n, stdout);
}

static void closed(struct postern_conn *c, const struct postern_reason *why, void *loop)
{
	(void)c;
	status = why->code != POSTERN_REASON_ENDED;
	if (status != 0)
		fprintf(stderr, "echo-client: %s\n", why->text);
	postern_loop_stop((struct postern_loop *)loop);
}

int main(int argc, char **argv)
{
	static const struct postern_conn_events events = { .size = sizeof events,
							   .received = received,
							   .closed = closed };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(conn) c = NULL;

	if (argc != 3 || postern_loop_new(&loop) < 0)
		return 64;
	if (postern_connect(&c, loop, argv[1], NULL, &events, loop) < 0) {
		fprintf(stderr, "echo-client: %s\n", postern_why()->text);
		return 1;
	}
	/* Both take effect once it is connected. */
	if (postern_conn_write(c, argv[2], strlen(argv[2])) < 0 || postern_conn_shutdown(c) < 0)
		return 1;
	return postern_loop_run(loop) < 0 ? 1 : status;
}
