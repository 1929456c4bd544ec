/* SPDX-License-Identifier: Apache-2.0 */
/* after NAME LINE: a thread serves lines in capitals, the program asks it for one */
#include <ctype.h>
#include <postern.h>
#include <stdio.h>
#include <string.h>

static void line(struct postern_conn *peer, const void *payload, size_t n, void *data)
{
	char answer[1000];

	(void)data;
	for (size_t i = 0; i < n; i++)
		answer[i] = (char)toupper(((const unsigned char *)payload)[i]);
	if (postern_conn_write_frame(peer, POSTERN_FRAMING_LINES, answer, n) < 0)
		postern_conn_abort(peer); /* 8 MiB of answers that it has not read */
}

/* Runs on the thread, which owns everything made on its loop and releases it however it ends. */
static int serve(struct postern_thread *t, struct postern_loop *loop, void *name)
{
	static const struct postern_conn_events conn = { .size = sizeof conn, .frame = line };
	static const struct postern_server_events events = { .size = sizeof events, .conn = &conn };
	const struct postern_conn_options lines = { .size = sizeof lines,
						    .framing = POSTERN_FRAMING_LINES,
						    .frame_max = 1000 };
	const struct postern_server_options options = { .size = sizeof options, .conn = &lines };
	struct postern_server *server;

	(void)t;
	return postern_server_new(&server, loop, (const char *)name, &options, &events, NULL);
}

static int ask(const char *name, const char *question, char *answer, size_t size)
{
	const struct postern_connect_options patience = { .size = sizeof patience,
							  .deadline_ns = POSTERN_SECONDS(2) };
	POSTERN_AUTO(client) c = NULL;
	ssize_t r = postern_client_new(&c, name, &patience);

	if (r == 0)
		r = postern_client_write_frame(c, POSTERN_FRAMING_LINES, question, strlen(question),
					       POSTERN_MS(500));
	if (r == 0)
		r = postern_client_read_line(c, answer, size, POSTERN_MS(500));
	return r < 0 ? (int)r : 0;
}

int main(int argc, char **argv)
{
	POSTERN_AUTO(thread) thread = NULL;
	char answer[1001];
	int r;

	if (argc != 3)
		return 64;
	if (postern_thread_start(&thread, NULL, serve, argv[1]) < 0) {
		fprintf(stderr, "after: %s\n", postern_why()->text);
		return 1;
	}
	r = ask(argv[1], argv[2], answer, sizeof answer);
	if (r < 0) {
		fprintf(stderr, "after: no answer: %s\n", strerror(-r));
		return 1;
	}
	puts(answer);
	return 0;
}
