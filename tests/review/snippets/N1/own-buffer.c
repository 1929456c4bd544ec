/* A buffer that the function has filled itself is no peer's. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

void right_own(FILE *to, const char *name, const char *text, va_list ap)
{
	struct evbuffer *format = evbuffer_new();

	if (!format)
		return;
	evbuffer_add_printf(format, "[%s] %s", name, text);
	vfprintf(to, (const char *)evbuffer_pullup(format, -1), ap);
	evbuffer_free(format);
}

int begin(const struct sockaddr *at, socklen_t n)
{
	int s = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s >= 0 && connect(s, at, n) < 0) {
		perror("connect");
		evutil_closesocket(s);
		return -1;
	}
	return s;
}

void wrong_input(FILE *to, struct evbuffer *input)
{
	fprintf(to, (const char *)evbuffer_pullup(input, -1)); // N1
}
