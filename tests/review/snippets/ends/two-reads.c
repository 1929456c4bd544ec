/* Loops that read twice from one stream. */
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

/* The way out behind both was asked in each turn that brought bytes. */
void bad_second_leaves(int s, bool once)
{
	char head[4], body[64];

	for (;;) { // W1
		ssize_t n = recv(s, head, sizeof(head), 0), m;

		if (n > 0) {
			m = recv(s, body, sizeof(body), 0);
			if (m <= 0)
				return;
			printf("%.*s\n", (int)m, body);
		}
		if (once)
			break;
	}
}

/* What is asked at the end alone may be true. */
void good_asked_at_the_end(int s, const bool *stop)
{
	char head[4], body[64];
	bool leave = *stop;

	for (;;) {
		ssize_t n = recv(s, head, sizeof(head), 0), m;

		if (n < 0)
			return;
		m = recv(s, body, sizeof(body), 0);
		if (m == 0 && leave)
			return;
		if (m > 0)
			printf("%.*s\n", (int)m, body);
	}
}
