/* SPDX-License-Identifier: Apache-2.0 */
/* ask NAME LINE: sends LINE and prints the answer, or says within a deadline why there is none */
#include <postern.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what, ssize_t error)
{
	fprintf(stderr, "ask: %s: %s\n", what, strerror((int)-error));
	return 75;
}

int main(int argc, char **argv)
{
	const struct postern_connect_options patience = { .size = sizeof patience,
							  .deadline_ns = POSTERN_SECONDS(2) };
	POSTERN_AUTO(client) c = NULL;
	char line[1024];
	ssize_t n;
	int r;

	if (argc != 3)
		return 64;
	if (postern_client_new(&c, argv[1], &patience) < 0) {
		fprintf(stderr, "ask: %s\n", postern_why()->text);
		return 69;
	}
	r = postern_client_write_frame(c, POSTERN_FRAMING_LINES, argv[2], strlen(argv[2]),
				       POSTERN_MS(200));
	if (r < 0)
		return failed("cannot send", r);
	n = postern_client_read_line(c, line, sizeof line, POSTERN_MS(500));
	if (n < 0)
		return failed("no answer", n);
	puts(line);
	return 0;
}
