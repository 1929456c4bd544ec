/* SPDX-License-Identifier: Apache-2.0 */
/* thread NAME: a thread serves the time of day, while the program does something else: it reads its input */
#include <postern.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void tell_time(struct postern_server *server, struct postern_conn *peer, void *data)
{
	time_t now = time(NULL);
	char text[26];

	(void)server, (void)data;
	ctime_r(&now, text);
	if (postern_conn_write(peer, text, strlen(text)) < 0 || postern_conn_close(peer) < 0)
		postern_conn_abort(peer);
}

static const struct postern_server_events events = { .size = sizeof events, .accepted = tell_time };

/* Runs on the thread, which owns everything made on its loop. */
static int serve(struct postern_thread *t, struct postern_loop *loop, void *name)
{
	struct postern_server *server;
	int r = postern_server_new(&server, loop, (const char *)name, NULL, &events, NULL);

	(void)t;
	if (r < 0)
		fprintf(stderr, "thread: %s\n", postern_why()->text);
	return r;
}

int main(int argc, char **argv)
{
	POSTERN_AUTO(thread) t = NULL;

	if (argc != 2)
		return 64;
	if (postern_thread_start(&t, NULL, serve, argv[1]) < 0)
		return 1;
	while (getchar() != EOF)
		;
	return 0;
}
