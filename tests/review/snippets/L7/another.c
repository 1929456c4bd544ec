/* What strdup() returns is another. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void bad_another(int fd, const char *name, size_t n)
{
	char *text = malloc(n); // L7

	if (!text)
		return;
	text = strdup(name);
	if (!text)
		return;
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		shutdown(fd, SHUT_RDWR);
	free(text);
}
