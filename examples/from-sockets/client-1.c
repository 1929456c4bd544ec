/* SPDX-License-Identifier: Apache-2.0 */
/* client-1 PATH LINE...: the same with Postern's waiting client */
#include <postern.h>
#include <stdio.h>
#include <string.h>

static int ask(struct postern_client *server, const char *line)
{
	ssize_t r = postern_client_write_frame(server, POSTERN_FRAMING_LINES, line, strlen(line),
					       POSTERN_SECONDS(1));
	char answer[1024];

	if (r == 0)
		r = postern_client_read_line(server, answer, sizeof answer, POSTERN_SECONDS(1));
	if (r >= 0)
		return puts(answer) < 0;
	fprintf(stderr, "client-1: no answer: %s\n", strerror((int)-r));
	return 1;
}

int main(int argc, char **argv)
{
	POSTERN_AUTO(client) server = NULL;
	int status = 0;

	if (argc < 3)
		return 64;
	/* Within 5 s. */
	if (postern_client_new(&server, argv[1], NULL) < 0) {
		fprintf(stderr, "client-1: %s\n", postern_why()->text);
		return 1;
	}
	for (int i = 2; i < argc && status == 0; i++)
		status = ask(server, argv[i]);
	return status;
}
