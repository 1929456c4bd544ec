/* What strcpy() and the like return is what they were given. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void good_itself(int fd, const char *name, size_t n)
{
	char *text = malloc(n);

	if (!text)
		return;
	text = strcpy(text, name);
	text = strcat(text, "\n");
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		shutdown(fd, SHUT_RDWR);
	free(text);
}
