/* SPDX-License-Identifier: Apache-2.0 */
/* echo-server NAME: sends back what each connection sends, until SIGINT or SIGTERM */
#include <postern.h>
#include <signal.h>
#include <stdio.h>

static void stop(struct postern_signal *s, int sig, void *loop)
{
	(void)s, (void)sig;
	postern_loop_stop((struct postern_loop *)loop);
}

/* Bytes that do not fit into the peer's queue are not taken, and are offered again when there is room. */
static size_t received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	(void)data;
	return taken > 0 ? (size_t)taken : 0;
}

int main(int argc, char **argv)
{
	static const struct postern_conn_events on = { .size = sizeof on, .received = received };
	static const struct postern_server_events events = { .size = sizeof events, .conn = &on };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(server) server = NULL;
	POSTERN_AUTO(signal) interrupt = NULL;
	POSTERN_AUTO(signal) terminate = NULL;

	if (argc != 2 || postern_loop_new(&loop) < 0)
		return 64;
	if (postern_server_new(&server, loop, argv[1], NULL, &events, NULL) < 0) {
		fprintf(stderr, "echo-server: %s\n", postern_why()->text);
		return 1;
	}
	return postern_signal_new(&interrupt, loop, SIGINT, stop, loop) < 0 ||
	       postern_signal_new(&terminate, loop, SIGTERM, stop, loop) < 0 ||
	       postern_loop_run(loop) < 0;
}
